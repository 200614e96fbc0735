//! The tree of routes: which one takes a request, and which ones could take the same requests as another.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;
use smol_str::SmolStr;

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
///
/// There may be tens of thousands of routes, and then few are in the processor's cache: beside a node stand its segment, if
/// that is short, and its first route, and what many routes have in common stands once.
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

/// Where a path has come to. What every search reads comes first.
#[derive(Clone, Debug, Default)]
#[repr(C)]
struct Node {
    literals: Option<Box<ByName<SmolStr, Node>>>,
    parameter: Option<Box<Node>>,
    here: Entries,
    open: Entries,
}

/// Mostly one: there are more only where routes are told apart by their methods.
type Entries = SmallVec<[Entry; 1]>;

#[derive(Clone, Debug)]
struct Entry {
    methods: Arc<[Method]>,
    route: usize,
}

impl RouteTree {
    pub(crate) fn insert(
        &mut self,
        host: &HostPattern,
        path: &PathPattern,
        methods: &Arc<[Method]>,
        route: usize,
    ) {
        let mut node = match host {
            HostPattern::Any => self.any.get_or_insert_default(),
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::OneLabelUnder(parent) => self.under.entry(parent.clone()).or_default(),
        };
        for segment in path.segments() {
            node = match segment {
                Segment::Literal(text) => {
                    node.literals.get_or_insert_default().entry(text.into()).or_default()
                }
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
            };
        }
        let list = if path.is_open() { &mut node.open } else { &mut node.here };
        list.push(Entry { methods: Arc::clone(methods), route });
    }

    /// The route that takes the request, were it made with `method`.
    pub(crate) fn find(&self, request: &CanonicalRequest, method: &Method) -> Found {
        let mut search = Search { method, others: Vec::new() };
        for node in self.nodes_for(request.host().name()) {
            if let Some(route) = search.beneath(node, request.path().segments()) {
                return Found::Route(route);
            }
        }
        let mut others = search.others;
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

/// A search for the route of a request.
struct Search<'a> {
    method: &'a Method,
    /// With which methods the path is known besides.
    others: Vec<Method>,
}

impl Search<'_> {
    /// The route that takes the rest of a path.
    fn beneath<'p>(
        &mut self,
        node: &Node,
        mut path: impl Iterator<Item = Cow<'p, str>> + Clone,
    ) -> Option<usize> {
        let Some(first) = path.next() else {
            return self.pick(&node.here);
        };
        if let Some(literals) = &node.literals
            && let Some(node) = literals.get(&*first)
            && let Some(route) = self.beneath(node, path.clone())
        {
            return Some(route);
        }
        if let Some(node) = &node.parameter
            && !first.is_empty()
            && let Some(route) = self.beneath(node, path)
        {
            return Some(route);
        }
        self.pick(&node.open)
    }

    fn pick(&mut self, entries: &[Entry]) -> Option<usize> {
        let taken = entries.iter().find(|entry| entry.methods.contains(self.method));
        if taken.is_none() {
            self.others.extend(entries.iter().flat_map(|entry| entry.methods.iter().cloned()));
        }
        taken.map(|entry| entry.route)
    }
}

impl Node {
    /// The nodes one literal segment further.
    fn literals(&self) -> impl Iterator<Item = (&SmolStr, &Self)> {
        self.literals.iter().flat_map(|literals| literals.iter())
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
                if let Some(node) = self.literals.as_ref().and_then(|all| all.get(&**text)) {
                    node.overlapping(rest, open, routes);
                }
                if let Some(node) = self.parameter.as_ref().filter(|_| !text.is_empty()) {
                    node.overlapping(rest, open, routes);
                }
            }
            Segment::Parameter(_) => {
                let named = self.literals().filter(|(text, _)| !text.is_empty());
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
        for node in self.literals().map(|(_, node)| node).chain(self.parameter.as_deref()) {
            routes.extend(node.here.iter().map(|entry| entry.route));
            node.everything_below(routes);
        }
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
