//! The functions, by name.

/// A function. What is called on a value gets it as its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Contains,
    Distinct,
    EndsWith,
    Flatten,
    Int,
    Join,
    LowerAscii,
    Replace,
    Size,
    Split,
    StartsWith,
    String,
    Trim,
    UpperAscii,
}

/// How a function is called: on a value or not, and with how many arguments beside it.
struct Form {
    name: &'static str,
    function: Function,
    receiver: bool,
    arguments: &'static [usize],
}

const fn method(name: &'static str, function: Function, arguments: &'static [usize]) -> Form {
    Form { name, function, receiver: true, arguments }
}

const fn plain(name: &'static str, function: Function) -> Form {
    Form { name, function, receiver: false, arguments: &[1] }
}

const FORMS: [Form; 15] = [
    method("contains", Function::Contains, &[1]),
    method("distinct", Function::Distinct, &[0]),
    method("endsWith", Function::EndsWith, &[1]),
    method("flatten", Function::Flatten, &[0]),
    plain("int", Function::Int),
    method("join", Function::Join, &[0, 1]),
    method("lowerAscii", Function::LowerAscii, &[0]),
    method("replace", Function::Replace, &[2]),
    method("size", Function::Size, &[0]),
    plain("size", Function::Size),
    method("split", Function::Split, &[1]),
    method("startsWith", Function::StartsWith, &[1]),
    plain("string", Function::String),
    method("trim", Function::Trim, &[0]),
    method("upperAscii", Function::UpperAscii, &[0]),
];

/// What other languages call functions that there are.
const ALIASES: [(&str, &str); 9] = [
    ("includes", "contains"),
    ("len", "size"),
    ("length", "size"),
    ("lower", "lowerAscii"),
    ("str", "string"),
    ("toLowerCase", "lowerAscii"),
    ("toUpperCase", "upperAscii"),
    ("unique", "distinct"),
    ("upper", "upperAscii"),
];

impl Function {
    /// The function that is called so, or what is wrong with the call.
    pub(crate) fn called(name: &str, receiver: bool, arguments: usize) -> Result<Self, String> {
        let mut named = FORMS.iter().filter(|form| form.name == name).peekable();
        if named.peek().is_none() {
            let meant = ALIASES.iter().find(|(alias, _)| *alias == name);
            let meant = meant.map(|(_, meant)| format!("; write `{meant}`")).unwrap_or_default();
            return Err(format!("there is no function `{name}`{meant}"));
        }
        let Some(form) = named.find(|form| form.receiver == receiver) else {
            return Err(if receiver {
                format!("`{name}` is called as in `{name}(x)`")
            } else {
                format!("`{name}` is called as in `x.{name}()`")
            });
        };
        if form.arguments.contains(&arguments) {
            return Ok(form.function);
        }
        let expected: Vec<_> = form.arguments.iter().map(usize::to_string).collect();
        Err(format!("`{name}` takes {} arguments, not {arguments}", expected.join(" or ")))
    }
}
