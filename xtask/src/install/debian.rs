//! Programs from Debian, by apt-get.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testbed::Postgres;

use crate::command::{Run, program};

/// A program and the package that has it.
#[derive(Debug)]
pub(crate) struct Package {
    program: &'static str,
    name: &'static str,
}

/// The tool for the authorities that a browser believes.
pub(crate) const CERTUTIL: Package = Package { program: "certutil", name: "libnss3-tools" };
/// The browser.
pub(crate) const CHROMIUM: Package = Package { program: "chromium", name: "chromium" };
/// The compiler of Go.
pub(crate) const GO: Package = Package { program: "go", name: "golang-go" };
/// The formatter of manual pages.
pub(crate) const GROFF: Package = Package { program: "groff", name: "groff-base" };
/// The client for any protocol.
pub(crate) const CURL: Package = Package { program: "curl", name: "curl" };
/// The load generator that speaks HTTP/2.
pub(crate) const H2LOAD: Package = Package { program: "h2load", name: "nghttp2-client" };
/// The balancer: what stands in front that we did not write, and a peer.
pub(crate) const HAPROXY: Package = Package { program: "haproxy", name: "haproxy" };
/// The web server: an upstream that we did not write.
pub(crate) const NGINX: Package = Package { program: "nginx", name: "nginx" };
/// Prometheus.
pub(crate) const PROMETHEUS: Package = Package { program: "prometheus", name: "prometheus" };
/// Prometheus's tool for rules.
pub(crate) const PROMTOOL: Package = Package { program: "promtool", name: "prometheus" };
/// The web server for Perl's applications.
pub(crate) const STARMAN: Package = Package { program: "starman", name: "starman" };
/// systemd's starter at the first connection.
pub(crate) const SOCKET_ACTIVATE: Package =
    Package { program: "systemd-socket-activate", name: "systemd" };
/// systemd's tool for units.
pub(crate) const SYSTEMD_ANALYZE: Package = Package { program: "systemd-analyze", name: "systemd" };
/// The counter of instructions.
pub(crate) const VALGRIND: Package = Package { program: "valgrind", name: "valgrind" };
/// The judge of XML signatures.
pub(crate) const XMLSEC1: Package = Package { program: "xmlsec1", name: "xmlsec1" };
/// The load generator of `cargo xtask bench`.
pub(crate) const WRK: Package = Package { program: "wrk", name: "wrk" };

/// PHP, and what its packages want beside it, so that apt-get looks for no web server.
pub(crate) const PHP: [Package; 2] =
    [Package { program: "php-cgi", name: "php-cgi" }, Package { program: "php", name: "php-cli" }];

/// What SimpleSAMLphp takes besides, and itself: packages without a program of their own.
pub(crate) const SIMPLESAMLPHP: [&str; 3] = ["php-xml", "php-mbstring", "simplesamlphp"];

/// What LemonLDAP::NG's SAML takes besides.
pub(crate) const LEMONLDAP_SAML: [&str; 2] = ["libxml-simple-perl", "liblasso-perl"];

/// Installs those of these packages that are not here.
pub(crate) fn packages(names: &[&str]) -> Result<()> {
    let documents = Path::new("/usr/share/doc");
    let mut missing = names.iter().filter(|name| !documents.join(name).is_dir());
    missing.try_for_each(|name| install(name))
}

/// Perl's modules and the packages that have them: LemonLDAP::NG's portal, and what its OpenID Connect takes besides.
pub(crate) const LEMONLDAP: [(&str, &str); 3] = [
    ("Lemonldap/NG/Portal.pm", "liblemonldap-ng-portal-perl"),
    ("IO/String.pm", "libio-string-perl"),
    ("String/Random.pm", "libstring-random-perl"),
];

/// Installs those of these modules of Perl that are not here.
pub(crate) fn perl(modules: &[(&str, &str)]) -> Result<()> {
    let shared = Path::new("/usr/share/perl5");
    let mut missing = modules.iter().filter(|(file, _)| !shared.join(file).is_file());
    missing.try_for_each(|(_, name)| install(name))
}

/// Sees to it that there is a PostgreSQL; Debian keeps its programs off the path.
pub(crate) fn postgresql() -> Result<()> {
    if Postgres::is_installed() {
        return Ok(());
    }
    install("postgresql")
        .context("PostgreSQL is not here and cannot be installed; it takes Debian and root")
}

/// Where `package` has its program, after installing it if it is not there.
pub(crate) fn tool(package: &Package) -> Result<PathBuf> {
    if let Some(path) = find(package.program) {
        return Ok(path);
    }
    install(package.name)?;
    find(package.program)
        .with_context(|| format!("`{}` has no `{}`", package.name, package.program))
}

fn install(name: &str) -> Result<()> {
    apt(&["update"])
        .and_then(|()| apt(&["install", "--yes", "--no-install-recommends", name]))
        .with_context(|| {
            format!("`{name}` is not here and cannot be installed; it takes Debian and root")
        })
}

fn apt(words: &[&str]) -> Result<()> {
    program("apt-get")
        .arg("--quiet=2")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Packages must not start a service of their own.
        .env("RUNLEVEL", "1")
        .output_text()
        .map(drop)
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
