//! People who sign in behind proxies that ask: they are sent to where they can, and find it there.

use anyhow::{Context as _, Result, ensure};
use testbed::client::ask;
use testbed::{Reply, audit};

use super::house::House;
use super::proxy::Proxy;
use crate::live::Stage;

/// What a browser says that goes to a page.
const GOES: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// A place to sign in, and a provider that nobody has to ask for anything here.
const SIGN_IN: &str = "sign_in: { url: https://id.test }
providers:
  staff:
    oauth:
      authorization: https://idp.test/authorize
      token: https://idp.test/token
      userinfo: { user: https://idp.test/user }
    client_id: doorward
    client_authentication: none
    subject: /user/id
";

pub(super) fn play(stage: &Stage) -> Result<()> {
    for proxy in Proxy::ALL {
        let house = House::open_where(stage, proxy, |text| {
            let [accept, told] = ["accept: [corp]", "{ X-Forwarded-User: subject }"];
            ensure!(text.contains(accept) && text.contains(told), "it is configured otherwise");
            let text = text
                .replace(accept, "accept: [corp, staff]")
                .replace(told, "{ X-Forwarded-User: subject, X-Forwarded-Issuer: issuer }");
            Ok(text + SIGN_IN)
        })?;
        house.until_well()?;
        leads_to_the_page(&house).with_context(|| format!("{proxy:?}"))?;
        house.gateway.stop()?;
    }
    Ok(())
}

fn leads_to_the_page(house: &House) -> Result<()> {
    let _ = house.service.take();
    let asks = |target: &str, lines: &str| -> Result<Reply> {
        let text = format!("GET {target} HTTP/1.1\r\nHost: orders.test\r\n{lines}\r\n");
        ask(house.front(), &text)
    };
    let sent = asks("/orders/7?a=b", GOES)?;
    let location = sent.field("location").unwrap_or_default();
    let expected = "/.doorward/sign-in?to=/orders/7%3Fa%3Db";
    ensure!(
        (sent.status, location) == (302, expected),
        "sent to `{location}` with {}",
        sent.status
    );
    // What fetches in a page is not sent anywhere.
    let fetched = asks("/orders/7", "Accept: application/json\r\n")?;
    ensure!(fetched.status == 401, "expected 401, got {}", fetched.status);
    ensure!(fetched.field("www-authenticate").is_some(), "expected a challenge");
    // It is there, and the gate's own: nobody is asked about it.
    let own = ask(
        house.place.http(),
        &format!("GET {expected} HTTP/1.1\r\nHost: orders.test\r\n{GOES}\r\n"),
    )?;
    let page = asks(expected, GOES)?;
    ensure!(page.status != 404 && page.status == own.status, "{} and {}", page.status, own.status);
    let before = audit::records(&house.place.path("audit"))?.len();
    let nothing = asks("/.doorward/none", "Forwarded: for=192.0.2.9\r\n")?;
    ensure!(nothing.status == 404, "expected 404, got {}", nothing.status);
    let records = audit::records(&house.place.path("audit"))?;
    let elsewhere = records.iter().skip(before).filter_map(|record| {
        record.pointer("/unmapped/doorward/door")?.as_str().filter(|door| *door != "proxy")
    });
    let elsewhere: Vec<_> = elsewhere.collect();
    ensure!(elsewhere.is_empty(), "asked about at {elsewhere:?}");
    ensure!(house.service.take().requests.is_empty(), "something went through");
    Ok(())
}
