//! The demo, as a newcomer runs it: the real binary, over real sockets.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::net::TcpListener;
use std::process::{Command, Output};

use testbed::demo::five_free_ports;

#[test]
fn every_line_of_the_table_comes_out_as_it_shall() {
    let (_, output) = demo(&["--check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.ends_with("all agree\n"), "{text}\n{output:?}");
}

#[test]
fn a_busy_port_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    // The third of the five is the provider's.
    let output = run(&["--check", "--port", &(port - 2).to_string()]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        text,
        format!(
            "doorward: the OpenID provider cannot have port {port}: Address already in use (os error 98); \
             stop what has it, or choose other ports with `--port`\n"
        )
    );
    assert!(!output.status.success());
}

#[test]
fn the_ejected_rules_are_the_ones_that_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let house = directory.path().join("house");
    let house = house.to_str().expect("a path");
    let (port, output) = demo(&["--eject", house]);
    assert!(output.status.success(), "{output:?}");
    let again = run(&["--eject", house]);
    assert!(!again.status.success(), "what is there is not overwritten");
    let config = directory.path().join("house/doorward.yaml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = text.replace(r#"directory: "audit""#, &format!(r#"directory: "{house}/audit""#));
    std::fs::write(&config, text.replace("corp/support", "corp/nobody")).expect("to be written");
    let output = run(&["--check", "--with", house, "--port", &port.to_string()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains(
            "alice reads an order                                    200    403   <-- differs"
        ),
        "{text}{output:?}"
    );
    assert!(!output.status.success());
}

fn demo(arguments: &[&str]) -> (u16, Output) {
    let port = five_free_ports().expect("five ports");
    let port_text = port.to_string();
    (port, run(&[arguments, &["--port", &port_text]].concat()))
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.arg("demo").args(arguments).output().expect("the binary runs")
}
