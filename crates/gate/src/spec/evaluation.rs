use tokens::ClaimSpec;

use super::PolicyFile;

/// What is decided for others to enforce: may this subject do this to this resource?
///
/// It has policies of its own, about kinds of subjects, actions and resources that its author declares. Policies about
/// routes do not see these questions, and these policies do not see requests.
#[derive(Clone, Debug)]
pub struct EvaluationSpec {
    /// The service that takes the questions, by name; it is one of the services, and has no endpoint.
    pub service: String,
    /// The kinds of subjects.
    pub subjects: Vec<KindSpec>,
    /// The kinds of resources.
    pub resources: Vec<KindSpec>,
    /// The actions.
    pub actions: Vec<KindSpec>,
    /// What a question says of its circumstances.
    pub context: Vec<ClaimSpec>,
    /// The Cedar policies, one entry per file.
    pub policies: Vec<PolicyFile>,
}

/// A kind of subjects or resources, or an action.
#[derive(Clone, Debug)]
pub struct KindSpec {
    /// Its name in questions: a `type`, or the action's `name`.
    pub name: String,
    /// The properties that policies read. A question in which one is of another type is denied, and what is not declared
    /// here is not seen.
    pub properties: Vec<ClaimSpec>,
}
