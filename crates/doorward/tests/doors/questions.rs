//! Questions at the edge of what is read, and beyond.

use anyhow::{Context as _, Result, ensure};
use testbed::clock::until;
use testbed::{Client, audit};
use tokio::net::TcpStream;

use super::envoy::{Envoy, question};
use super::house::House;

/// The most bytes of a question by gRPC, with the five before its message.
const MOST: usize = 2 << 20;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// The most header lines of a question by HTTP.
const LINES: usize = 512;

#[tokio::test]
async fn a_question_of_2_mib_is_read_and_one_byte_more_is_not() -> Result<()> {
    use prost::Message as _;
    let house = House::open()?;
    let mut envoy = Envoy::new(TcpStream::connect(house.ext_authz.address()).await?).await?;
    let mut asked = question(&house.good(), &[]);
    let attributes = asked.attributes.as_mut().context("expected attributes")?;
    attributes.context_extensions.insert("filler".to_owned(), "x".repeat(MOST - 4096));
    let short = MOST - 5 - asked.encoded_len();
    let longer = |more: usize| {
        let mut asked = asked.clone();
        if let Some(attributes) = &mut asked.attributes {
            for filler in attributes.context_extensions.values_mut() {
                filler.push_str(&"x".repeat(short + more));
            }
        }
        asked
    };
    ensure!(longer(0).encoded_len() == MOST - 5, "expected the longest there is");
    envoy.check(&longer(0)).await?;
    let error = envoy.check(&longer(1)).await.err().context("expected a refusal")?;
    assert_eq!(error.to_string(), "the call ended with 8");
    // The connection is as good as before.
    ensure!(envoy.ask(&house.good()).await?.forwards.is_some(), "expected a permit");
    Ok(())
}

#[test]
fn a_question_of_512_lines_is_read_and_one_more_is_not() -> Result<()> {
    let house = House::open()?;
    // Six say what is asked about; the gate has a limit of its own, and denies both.
    let ask = |lines: usize| -> Result<u16> {
        let mut text = "GET /check HTTP/1.1\r\nHost: doorward\r\nX-Original-Method: GET\r\n\
             X-Original-Proto: http\r\nX-Original-Host: app.test\r\nX-Original-URI: /open/a\r\n\
             X-Original-For: 127.0.0.1\r\n"
            .to_owned();
        text.push_str(&"A: b\r\n".repeat(lines - 6));
        let mut client = Client::connect(house.forward_auth.address())?;
        client.send((text + "\r\n").as_bytes())?;
        Ok(client.reply()?.context("expected an answer")?.status)
    };
    assert_eq!([ask(LINES)?, ask(LINES + 1)?], [403, 431]);
    let reasons = |house: &House| -> Result<Vec<String>> {
        let records = audit::records(&house.place.path("audit"))?;
        let reasons = records.iter().filter_map(|one| one.pointer("/unmapped/doorward/reasons/0"));
        Ok(reasons.filter_map(|reason| reason.as_str()).map(ToOwned::to_owned).collect())
    };
    let unread = "what was asked is no question: message head is too large";
    until("the record of it", PATIENCE, || {
        Ok(reasons(&house)?.iter().any(|reason| reason == unread).then_some(()))
    })
}
