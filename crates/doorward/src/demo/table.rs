//! What the demo shows: a few requests and what each shall get. Printed as `curl` lines, and run by `demo --check`.

use super::Ports;
use super::browser::Browser;
use super::requests::{Sent, mint, send};

/// One request, and what it shall get.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    by: Caller,
    host: &'static str,
    target: &'static str,
    header: Option<(&'static str, &'static str)>,
    /// The status that it shall get.
    pub status: u16,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// Nobody that is known.
    Nobody,
    /// Whoever has a token: the issuer, and the form that mints it.
    Token(&'static str, &'static str),
    /// A browser that goes to the page, and not where it is sent from there.
    Browser,
    /// A person at a browser, who signs in when asked to: the provider and the name.
    SignedIn(&'static str, &'static str),
    /// The same, who has then signed out.
    SignedOut(&'static str, &'static str),
}

const ALICE: Caller = Caller::Token("corp", "grant_type=password&username=alice&password=alice");

/// The table.
#[must_use]
pub fn cases() -> Vec<Case> {
    let orders = Case {
        name: "",
        by: ALICE,
        host: "orders.localhost",
        target: "/orders/7",
        header: None,
        status: 401,
    };
    let home = Case { target: "/", ..orders };
    vec![
        Case { name: "alice reads an order", status: 200, ..orders },
        Case {
            name: "a public page, no token",
            by: Caller::Nobody,
            target: "/health",
            status: 200,
            ..orders
        },
        Case { name: "no token", by: Caller::Nobody, ..orders },
        Case {
            name: "bob lacks the scope",
            by: Caller::Token("corp", "grant_type=password&username=bob&password=bob"),
            status: 403,
            ..orders
        },
        Case {
            name: "an expired token",
            by: Caller::Token(
                "corp",
                "grant_type=password&username=alice&password=alice&drill=expired",
            ),
            ..orders
        },
        Case {
            name: "a token for another service",
            by: Caller::Token(
                "corp",
                "grant_type=password&username=alice&password=alice&audience=billing",
            ),
            ..orders
        },
        Case {
            name: "a forged token",
            by: Caller::Token(
                "corp",
                "grant_type=password&username=alice&password=alice&drill=forged",
            ),
            ..orders
        },
        Case {
            name: "carol's partner/support is not corp/support",
            by: Caller::Token("partner", "grant_type=password&username=carol&password=carol"),
            status: 403,
            ..orders
        },
        Case { name: "an unknown route", target: "/admin", status: 404, ..orders },
        Case {
            name: "an encoded traversal",
            target: "/orders/%2e%2e/admin",
            status: 400,
            ..orders
        },
        Case {
            name: "a spoofed identity header",
            header: Some(("X_Forwarded_User", "root")),
            status: 400,
            ..orders
        },
        Case {
            name: "alice via orders to billing, service to service",
            target: "/orders/7/invoice",
            status: 200,
            ..orders
        },
        Case {
            name: "the Cedar policy seals invoices that begin with 9",
            target: "/orders/9001/invoice",
            status: 403,
            ..orders
        },
        Case {
            name: "alice herself may not read invoices",
            by: Caller::Token(
                "corp",
                "grant_type=password&username=alice&password=alice&audience=billing",
            ),
            host: "billing.localhost",
            target: "/invoices/7",
            status: 403,
            ..orders
        },
        Case { name: "a browser is sent to sign in", by: Caller::Browser, status: 302, ..home },
        Case {
            name: "alice signs in with staff and sees the support page",
            by: Caller::SignedIn("staff", "alice"),
            target: "/support",
            status: 200,
            ..home
        },
        Case {
            name: "carol signs in with guests and sees the home page",
            by: Caller::SignedIn("guests", "carol"),
            status: 200,
            ..home
        },
        Case {
            name: "carol's guests/support is not staff/support",
            by: Caller::SignedIn("guests", "carol"),
            target: "/support",
            status: 403,
            ..home
        },
        Case {
            name: "alice has signed out, and is sent to sign in",
            by: Caller::SignedOut("staff", "alice"),
            status: 302,
            ..home
        },
    ]
}

impl Case {
    /// The request as a line for a shell, whose token is minted when it runs; or what to do at a browser.
    #[must_use]
    pub fn how(&self, ports: Ports) -> String {
        let mut line = String::from("curl -s -w ' %{http_code}\\n' --path-as-is");
        match self.by {
            Caller::Nobody => {}
            Caller::Token(issuer, form) => {
                let mint = format!(
                    "curl -s http://127.0.0.1:{}/{issuer}/token -d '{form}&format=text'",
                    ports.provider
                );
                line.push_str(&format!(" -H \"Authorization: Bearer $({mint})\""));
            }
            Caller::Browser => line.push_str(" -H 'Accept: text/html'"),
            Caller::SignedIn(provider, person) => {
                let url = self.url(ports);
                return format!("In a browser: {url}, choose {provider}, then {person}");
            }
            Caller::SignedOut(..) => {
                let home = ports.home();
                return format!(
                    "In a browser: {home}/.doorward/sign-out, then {}",
                    self.url(ports)
                );
            }
        }
        if let Some((name, value)) = self.header {
            line.push_str(&format!(" -H '{name}: {value}'"));
        }
        line.push_str(&format!(
            " -H 'Host: {}' 'http://127.0.0.1:{}{}'",
            self.host, ports.gate, self.target
        ));
        line
    }

    /// The address for a browser.
    fn url(&self, ports: Ports) -> String {
        format!("{}{}", ports.home(), self.target)
    }
}

/// Runs a case against the live processes.
pub(super) async fn run(case: &Case, ports: Ports) -> Result<u16, String> {
    let mut browser = Browser::new(ports);
    let url = case.url(ports);
    let authorization = match case.by {
        Caller::Nobody => None,
        Caller::Token(issuer, form) => Some(format!("Bearer {}", mint(ports, issuer, form).await?)),
        Caller::Browser => return Ok(browser.look(&url).await?.status),
        Caller::SignedIn(provider, person) => {
            return Ok(browser.sign_in(&url, provider, person).await?.status);
        }
        Caller::SignedOut(provider, person) => {
            let seen = browser.sign_in(&url, provider, person).await?;
            if seen.status != 200 {
                return Err(format!("{person} gets {} and cannot sign out", seen.status));
            }
            browser.sign_out().await?;
            return Ok(browser.look(&url).await?.status);
        }
    };
    let mut headers: Vec<(&str, &str)> = case.header.into_iter().collect();
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let sent = Sent { host: case.host, target: case.target, headers: &headers, body: None };
    Ok(send(ports.gate, &sent).await?.status)
}
