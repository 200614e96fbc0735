//! One provider: people are sent there, come back, stay signed in, and sign out.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom;
use egress::{Destination, Egress};
use ledger::keys::IssuerKeys;
use tokens::{Assurance, Facts, Timestamp, VerifiedIdToken};

use super::answer::Answer;
use super::authorization::{self, request_uri};
use super::call::Caller;
use super::client_auth::Client;
use super::connect::Connect;
use super::endpoints::{Endpoints, EndpointsError};
use super::flow::{Flow, Wish};
use super::id_token::{Expected, IdTokenRefusal};
use super::logout_token::{LogoutRefusal, LogoutToken};
use super::options::{OAuth, Protocol, ProviderOptions, ProviderOptionsError, Pushed};
use super::refusal::{GrantRefusal, ProviderError, RefreshFailure, RefreshRefusal, SignInRefusal};
use super::secret::Secret;
use super::sign_in::{Keepsakes, SignIn};
use super::token_answer::{TokenAnswer, TokenAnswerError};
use super::userinfo;
use crate::form::Form;

/// A provider that people sign in with.
pub struct Provider {
    options: ProviderOptions,
    caller: Caller,
    speaks: Speaks,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

/// What its protocol needs.
enum Speaks {
    OAuth(OAuth),
    Openid(Box<Connect>),
}

/// A sign-in was renewed.
#[derive(Debug)]
pub struct Refreshed {
    /// What the provider vouches for now; nothing if it sent no ID token, which says only that the sign-in still holds.
    pub facts: Option<Facts>,
    /// The new ID token.
    pub id_token: Option<Secret>,
    /// What renews the sign-in from now on; nothing if it is what it was.
    pub refresh_token: Option<Secret>,
}

impl Provider {
    /// The provider of these options, spoken to through `egress`. One with OpenID Connect needs the keys of its issuer,
    /// which also know its metadata.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(
        options: ProviderOptions,
        egress: Arc<Egress>,
        keys: Option<IssuerKeys>,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, ProviderOptionsError> {
        options.check()?;
        let speaks = match options.protocol.clone() {
            Protocol::OAuth(oauth) => Speaks::OAuth(oauth),
            Protocol::Openid(openid) => {
                Speaks::Openid(Box::new(Connect::new(&options, &openid, keys)?))
            }
        };
        Ok(Self { options, caller: Caller { egress }, speaks, random })
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }

    /// Where to send the browser: the provider's authorization endpoint, with the request, or with what refers to it.
    ///
    /// # Errors
    /// If the provider cannot be spoken to, or cannot be held to the wish.
    pub async fn begin(
        &self,
        wish: &Wish,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let assured = wish.acr_required || wish.max_age.is_some();
        let pushed = match &self.speaks {
            Speaks::OAuth(_) if assured => return Err(ProviderError::Assurance),
            Speaks::OAuth(_) => Pushed::Never,
            Speaks::Openid(connect) => connect.pushed,
        };
        let endpoints = self.endpoints(now).await?;
        let request = authorization::request(&self.options, wish, flow);
        let push_to = match (pushed, endpoints.pushed) {
            (Pushed::Always, None) => {
                let name = "pushed_authorization_request_endpoint";
                return Err(EndpointsError::Missing { name }.into());
            }
            (Pushed::Never, _) => None,
            (_, endpoint) => endpoint,
        };
        let Some(push_to) = push_to else {
            return Ok(request.behind(&endpoints.authorization));
        };
        let uri = self.push(&push_to, request, flow, now).await?;
        let reference = authorization::pushed(&self.options.client_id, &uri);
        Ok(reference.behind(&endpoints.authorization))
    }

    /// Signs in whom an answer is about. `flow` and `wish` are those that [`Provider::begin`] was called with; the caller
    /// has checked that they belong to the browser that brings the answer, and lets nobody use them again.
    ///
    /// # Errors
    /// The first reason not to. An answer by another provider is refused before anything is sent anywhere.
    pub async fn finish(
        &self,
        answer: Answer,
        flow: &Flow,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<SignIn, SignInRefusal> {
        if answer.state != flow.state {
            return Err(SignInRefusal::StateOther);
        }
        // Where the provider has no issuer, its redirect URI alone, which no other has, tells its answers from theirs.
        match (&answer.issuer, self.options.issuer()) {
            (Some(answering), Some(issuer)) if answering != issuer => {
                return Err(SignInRefusal::IssuerOther);
            }
            _ => {}
        }
        let endpoints = self.endpoints(now).await.map_err(GrantRefusal::from)?;
        if endpoints.issuer_in_answers && answer.issuer.is_none() {
            return Err(SignInRefusal::IssuerMissing);
        }
        let code =
            answer.outcome.map_err(|(error, text)| SignInRefusal::Declined { error, text })?;

        let mut form = Form::default();
        form.push("grant_type", "authorization_code");
        form.push("code", &code);
        form.push("redirect_uri", &self.options.redirect_uri);
        form.push("code_verifier", &flow.verifier);
        let secrets = [code.as_str(), &flow.verifier];
        let tokens = self.redeem(&endpoints, form, &secrets, now).await?;
        let (facts, provider_session) = match &self.speaks {
            Speaks::OAuth(oauth) => {
                // Nobody was sent there with such a wish; who comes back with one all the same is not known so well.
                if wish.acr_required || wish.max_age.is_some() {
                    return Err(GrantRefusal::from(IdTokenRefusal::AuthTimeMissing).into());
                }
                (self.facts_of_answers(oauth, &tokens).await?, None)
            }
            Speaks::Openid(connect) => {
                let token = tokens.id_token.as_ref().ok_or(TokenAnswerError::NoIdToken);
                let token = token.map_err(GrantRefusal::from)?;
                let expected = self.expected(Some(&flow.nonce), &tokens, wish, now);
                let verified = connect.verify(token, &expected).await?;
                let facts = self.facts_of_id_token(connect, &endpoints, &verified, &tokens).await?;
                (facts, verified.session().map(str::to_owned))
            }
        };
        let (id_token, refresh_token) = (tokens.id_token, tokens.refresh_token);
        Ok(SignIn {
            facts,
            provider_session,
            ends_at: None,
            keepsakes: Keepsakes { id_token, refresh_token, named: None },
        })
    }

    /// Renews the sign-in of `expected_subject`. The provider may give a new refresh token, and take the old one no more:
    /// nothing else may be renewing the same sign-in, and the new one must be kept before anything else is done, also
    /// where [`RefreshFailure::rotated`] has it.
    ///
    /// # Errors
    /// The first reason not to; [`RefreshFailure::end`] says what becomes of the sign-in.
    pub async fn refresh(
        &self,
        refresh_token: &Secret,
        expected_subject: &str,
        now: Timestamp,
    ) -> Result<Refreshed, RefreshFailure> {
        let endpoints = self.endpoints(now).await.map_err(GrantRefusal::from)?;
        let mut form = Form::default();
        form.push("grant_type", "refresh_token");
        form.push("refresh_token", refresh_token.expose());
        let tokens = self.redeem(&endpoints, form, &[refresh_token.expose()], now).await?;
        let renewed = self.renewed(&endpoints, &tokens, expected_subject, now).await;
        match renewed {
            Ok(facts) => Ok(Refreshed {
                facts,
                id_token: tokens.id_token,
                refresh_token: tokens.refresh_token,
            }),
            Err(reason) => Err(RefreshFailure::after(reason, tokens.refresh_token)),
        }
    }

    /// The facts of a sign-in that was renewed, if the provider says any.
    async fn renewed(
        &self,
        endpoints: &Endpoints,
        tokens: &TokenAnswer,
        expected_subject: &str,
        now: Timestamp,
    ) -> Result<Option<Facts>, RefreshRefusal> {
        let facts = match (&self.speaks, &tokens.id_token) {
            (Speaks::OAuth(oauth), _) => Some(self.facts_of_answers(oauth, tokens).await?),
            (Speaks::Openid(_), None) => None,
            (Speaks::Openid(connect), Some(token)) => {
                let wish = Wish::default();
                let expected = self.expected(None, tokens, &wish, now);
                let verified = connect.verify(token, &expected).await?;
                Some(self.facts_of_id_token(connect, endpoints, &verified, tokens).await?)
            }
        };
        if facts.as_ref().is_some_and(|facts| facts.subject != expected_subject) {
            return Err(RefreshRefusal::OtherSubject);
        }
        Ok(facts)
    }

    /// Verifies a logout token that came by the back channel.
    ///
    /// # Errors
    /// The first reason not to believe it.
    pub async fn logout_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<LogoutToken, LogoutRefusal> {
        let Speaks::Openid(connect) = &self.speaks else {
            return Err(LogoutRefusal::NotOpenid);
        };
        let subject_is_sub = self.options.mapping.subject().as_str() == "/sub";
        let client_id = &self.options.client_id;
        let Connect { keys, logout_tokens, .. } = &**connect;
        LogoutToken::verify(token, logout_tokens, keys, client_id, subject_is_sub, now).await
    }

    /// Where to send the browser to sign out with the provider too (OpenID Connect RP-Initiated Logout 1.0 §2); nothing
    /// if the provider has no such place, or none is known now. The ID token may have expired.
    pub async fn end_session(
        &self,
        id_token_hint: Option<&Secret>,
        post_logout_redirect_uri: Option<&str>,
        state: Option<&str>,
        now: Timestamp,
    ) -> Option<String> {
        let place = self.endpoints(now).await.ok()?.end_session?;
        let mut form = Form::default();
        let parameters = [
            ("id_token_hint", id_token_hint.map(Secret::expose)),
            ("client_id", Some(self.options.client_id.as_str())),
            ("post_logout_redirect_uri", post_logout_redirect_uri),
            ("state", post_logout_redirect_uri.and(state)),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                form.push(name, value);
            }
        }
        Some(form.behind(&place))
    }

    async fn endpoints(&self, now: Timestamp) -> Result<Endpoints, EndpointsError> {
        let keys = match &self.speaks {
            Speaks::OAuth(_) => None,
            Speaks::Openid(connect) => Some(&connect.keys),
        };
        Endpoints::at(&self.options, keys, now).await
    }

    async fn push(
        &self,
        to: &Destination,
        mut request: Form,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let authorization = self.client().prove(&mut request, true, now)?;
        let mut secrets = vec![flow.state.as_str(), &flow.nonce];
        secrets.extend(self.options.client_auth.secret());
        let body = self.caller.post(to, request, authorization, &secrets).await?;
        Ok(request_uri(&body)?)
    }

    async fn redeem(
        &self,
        endpoints: &Endpoints,
        mut form: Form,
        secrets: &[&str],
        now: Timestamp,
    ) -> Result<TokenAnswer, GrantRefusal> {
        let authorization = self.client().prove(&mut form, false, now)?;
        let mut secrets = secrets.to_vec();
        secrets.extend(self.options.client_auth.secret());
        let body = self.caller.post(&endpoints.token, form, authorization, &secrets).await?;
        Ok(TokenAnswer::parse(&body)?)
    }

    async fn facts_of_id_token(
        &self,
        connect: &Connect,
        endpoints: &Endpoints,
        verified: &VerifiedIdToken,
        tokens: &TokenAnswer,
    ) -> Result<Facts, GrantRefusal> {
        let token = verified.token();
        let assurance = Assurance {
            acr: token.acr().map(str::to_owned),
            amr: token.amr().to_vec(),
            auth_time: token.auth_time(),
        };
        if !connect.userinfo {
            return Ok(self.options.mapping.facts(verified.claims(), assurance)?);
        }
        let missing = EndpointsError::Missing { name: "userinfo_endpoint" };
        let from = endpoints.userinfo.as_ref().ok_or(missing)?;
        let claims = userinfo::claims(&self.caller, from, &tokens.access_token).await?;
        let document = userinfo::together(verified.claims(), claims)?;
        Ok(self.options.mapping.facts(&document, assurance)?)
    }

    async fn facts_of_answers(
        &self,
        oauth: &OAuth,
        tokens: &TokenAnswer,
    ) -> Result<Facts, GrantRefusal> {
        let asked =
            userinfo::answers(&self.caller, &self.options, oauth, &tokens.access_token).await;
        Ok(self.options.mapping.facts(&asked?, Assurance::default())?)
    }

    fn expected<'a>(
        &'a self,
        nonce: Option<&'a str>,
        tokens: &'a TokenAnswer,
        wish: &'a Wish,
        now: Timestamp,
    ) -> Expected<'a> {
        let (client_id, skew) = (&self.options.client_id, self.options.skew);
        let access_token = tokens.access_token.expose();
        Expected { client_id, nonce, access_token, wish, skew, now }
    }

    fn client(&self) -> Client<'_> {
        Client {
            id: &self.options.client_id,
            auth: &self.options.client_auth,
            issuer: self.options.issuer(),
            random: &*self.random,
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "attack_tests.rs"]
mod attack_tests;
#[cfg(test)]
#[path = "renewal_tests.rs"]
mod renewal_tests;
#[cfg(test)]
#[path = "relying_party_tests.rs"]
mod tests;
