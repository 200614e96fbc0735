//! Whether every request has one most specific route, and which broader routes bind a route.

use std::collections::HashMap;

use http::Method;

use super::{HostPattern, PathPattern, Route, RouteTree};

/// Two routes that could both take a request, with neither being the more specific one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// A request that both take: method, host and path pattern.
    pub(crate) example: (Method, HostPattern, PathPattern),
}

/// For each route, the routes that are broader than it: their `deny` and `require` bind it too.
///
/// # Errors
/// All ties. Two routes tie when they take the same paths with the same method, or when they overlap, neither covers
/// the other, and no third route takes exactly the overlap.
pub(crate) fn broader_routes(
    routes: &[Route],
    tree: &RouteTree,
) -> Result<Vec<Vec<usize>>, Vec<Tie>> {
    let mut exact: HashMap<(&HostPattern, &PathPattern), Vec<&Route>> = HashMap::new();
    for route in routes {
        exact.entry((route.host(), route.path())).or_default().push(route);
    }
    let mut broader = vec![Vec::new(); routes.len()];
    let mut ties = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let mut others = tree.overlapping(route.host(), route.path());
        others.sort_unstable();
        for other_index in others {
            let Some(other) = routes.get(other_index).filter(|_| other_index != index) else {
                continue;
            };
            let shared: Vec<_> =
                route.methods().iter().filter(|method| other.methods().contains(method)).collect();
            let Some(first_shared) = shared.first() else {
                continue;
            };
            let covered = other.host().covers(route.host()) && other.path().covers(route.path());
            let covers = route.host().covers(other.host()) && route.path().covers(other.path());
            let meet = route.host().meet(other.host()).zip(route.path().meet(other.path()));
            let Some((host, path)) = meet else {
                continue;
            };
            match (covered, covers) {
                (true, false) => {
                    if let Some(list) = broader.get_mut(index) {
                        list.push(other_index);
                    }
                }
                (false, true) => {}
                (true, true) if index < other_index => ties.push(Tie {
                    first: index,
                    second: other_index,
                    example: ((**first_shared).clone(), host, path),
                }),
                (false, false) if index < other_index => {
                    let resolvers = exact.get(&(&host, &path));
                    let missing = shared.iter().find(|method| {
                        !resolvers.is_some_and(|routes| {
                            routes.iter().any(|route| route.methods().contains(method))
                        })
                    });
                    if let Some(method) = missing {
                        let example = ((**method).clone(), host, path);
                        ties.push(Tie { first: index, second: other_index, example });
                    }
                }
                _ => {}
            }
        }
    }
    if ties.is_empty() { Ok(broader) } else { Err(ties) }
}
