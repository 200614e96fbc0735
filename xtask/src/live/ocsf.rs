//! The audit log against the OCSF schema.

use anyhow::Result;
use testbed::{Recorder, audit, client};

use super::stage::{expect, house, token};
use super::{Listed, Stage};
use crate::command::{Run, program, root};
use crate::install::python;

pub(super) const SCENARIOS: Listed = &[("every_record_is_valid_by_the_ocsf_schema", valid)];

fn valid(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    expect(&place, "/orders/1", &token, 200)?;
    expect(&place, "/bills/1", &token, 401)?;
    expect(&place, "/orders/1", "garbage", 401)?;
    expect(&place, "/nowhere", &token, 404)?;
    expect(&place, "/orders/../x", &token, 400)?;
    client::ask(place.http(), "PROPFIND /orders/1 HTTP/1.1\r\nHost: orders.test\r\n\r\n")?;
    gateway.stop()?;
    let scripts = root().join("xtask/live");
    let python = python::python_with(&scripts.join("requirements.txt"))?;
    for segment in audit::segments(&place.path("audit"))? {
        program(&python).arg(scripts.join("ocsf_validate.py")).arg(segment).done()?;
    }
    Ok(())
}
