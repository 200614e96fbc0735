//! The tree of routes: which one takes a request, and which ones could take the same requests as another.

use http::Method;

use super::host_pattern::{HostPattern, parent_of};
use super::pattern::{PathPattern, Segment};
use crate::by_name::ByName;
use crate::request::CanonicalRequest;

/// Routes by host, then by path. Routes are known by their index.
///
/// INVARIANT: which route takes a request never depends on the order in which routes were added. The overlap check
/// (see `overlap`) sees to it that of all routes that take a request, one is covered by all others; being covered, it
/// has a literal wherever another has one, so a search that tries literals before parameters and both before `**`,
/// and exact hosts before wildcards, meets it first.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteTree {
    exact: ByName<String, Node>,
    under: ByName<String, Node>,
    any: Option<Node>,
}

/// What the tree says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No route takes this host and path with any method.
    Nowhere,
    /// The path is known, but only with these methods.
    OtherMethods(Vec<Method>),
    /// This route takes it.
    Route(usize),
}

#[derive(Clone, Debug, Default)]
struct Node {
    literals: ByName<String, Node>,
    parameter: Option<Box<Node>>,
    here: Vec<Entry>,
    open: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    methods: Vec<Method>,
    route: usize,
}

impl RouteTree {
    pub(crate) fn insert(
        &mut self,
        host: &HostPattern,
        path: &PathPattern,
        methods: Vec<Method>,
        route: usize,
    ) {
        let mut node = match host {
            HostPattern::Any => self.any.get_or_insert_default(),
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::OneLabelUnder(parent) => self.under.entry(parent.clone()).or_default(),
        };
        for segment in path.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
            };
        }
        let list = if path.is_open() { &mut node.open } else { &mut node.here };
        list.push(Entry { methods, route });
    }

    /// The route that takes the request, were it made with `method`.
    pub(crate) fn find(&self, request: &CanonicalRequest, method: &Method) -> Found {
        let segments: Vec<_> = request.path().segments().collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let mut others = Vec::new();
        for node in self.nodes_for(request.host().name()) {
            if let Some(route) = node.find(&segments, method, &mut others) {
                return Found::Route(route);
            }
        }
        if others.is_empty() {
            return Found::Nowhere;
        }
        others.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        others.dedup();
        Found::OtherMethods(others)
    }

    /// Every route that takes some path that `path` takes, on some host that `host` takes.
    pub(crate) fn overlapping(&self, host: &HostPattern, path: &PathPattern) -> Vec<usize> {
        let mut routes = Vec::new();
        let mut search =
            |node: &Node| node.overlapping(path.segments(), path.is_open(), &mut routes);
        match host {
            HostPattern::Any => {
                self.exact
                    .values()
                    .chain(self.under.values())
                    .chain(&self.any)
                    .for_each(&mut search);
            }
            HostPattern::Exact(name) => self.nodes_for(name).for_each(&mut search),
            HostPattern::OneLabelUnder(parent) => {
                let below = self.exact.iter().filter(|(name, _)| parent_of(name) == Some(parent));
                below.map(|(_, node)| node).for_each(&mut search);
                self.under.get(parent).into_iter().chain(&self.any).for_each(&mut search);
            }
        }
        routes
    }

    fn nodes_for(&self, host: &str) -> impl Iterator<Item = &Node> {
        let under = parent_of(host).and_then(|parent| self.under.get(parent));
        self.exact.get(host).into_iter().chain(under).chain(&self.any)
    }
}

impl Node {
    fn find(&self, path: &[&str], method: &Method, others: &mut Vec<Method>) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else {
            return pick(&self.here, method, others);
        };
        if let Some(node) = self.literals.get(*first)
            && let Some(route) = node.find(rest, method, others)
        {
            return Some(route);
        }
        if let Some(node) = &self.parameter
            && !first.is_empty()
            && let Some(route) = node.find(rest, method, others)
        {
            return Some(route);
        }
        pick(&self.open, method, others)
    }

    fn overlapping(&self, path: &[Segment], open: bool, routes: &mut Vec<usize>) {
        let Some((first, rest)) = path.split_first() else {
            if open {
                self.everything_below(routes);
            } else {
                routes.extend(self.here.iter().map(|entry| entry.route));
            }
            return;
        };
        routes.extend(self.open.iter().map(|entry| entry.route));
        match first {
            Segment::Literal(text) => {
                if let Some(node) = self.literals.get(text) {
                    node.overlapping(rest, open, routes);
                }
                if let Some(node) = self.parameter.as_ref().filter(|_| !text.is_empty()) {
                    node.overlapping(rest, open, routes);
                }
            }
            Segment::Parameter(_) => {
                let named = self.literals.iter().filter(|(text, _)| !text.is_empty());
                named.for_each(|(_, node)| node.overlapping(rest, open, routes));
                if let Some(node) = &self.parameter {
                    node.overlapping(rest, open, routes);
                }
            }
        }
    }

    /// Everything with at least one more segment.
    fn everything_below(&self, routes: &mut Vec<usize>) {
        routes.extend(self.open.iter().map(|entry| entry.route));
        for node in self.literals.values().chain(self.parameter.as_deref()) {
            routes.extend(node.here.iter().map(|entry| entry.route));
            node.everything_below(routes);
        }
    }
}

fn pick(entries: &[Entry], method: &Method, others: &mut Vec<Method>) -> Option<usize> {
    let taken = entries.iter().find(|entry| entry.methods.contains(method));
    if taken.is_none() {
        others.extend(entries.iter().flat_map(|entry| entry.methods.iter().cloned()));
    }
    taken.map(|entry| entry.route)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
