//! The description of API v3 for machines, made from the routes themselves.

use axum::Json;
use serde_json::{Map, Value, json};

/// The text that has the routes, so that none can be without its line in the description.
const ROUTES: &str = include_str!("mod.rs");

/// `GET /openapi.json`.
pub(super) async fn show() -> Json<Value> {
    Json(document())
}

/// One route: its method in capitals, its path below `/api_3`, and whether it needs a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Method.
    pub(super) method: &'static str,
    /// Path with `{}` around its variables.
    pub(super) path: String,
    /// Whether it needs a token.
    pub(super) token: bool,
}

/// Every route of the dialect, the deprecated spellings of a route apart.
pub(super) fn routes() -> Vec<Route> {
    let Some((_, text)) = ROUTES.split_once("fn reading()") else { return Vec::new() };
    let Some((reading, writing)) = text.split_once("fn writing()") else { return Vec::new() };
    let writing = writing.split_once("/// Older clients").map_or(writing, |(writing, _)| writing);
    let of = |text: &str, token: bool| -> Vec<Route> {
        let pieces = text.split("&at(\"").skip(1);
        pieces.flat_map(|piece| route(piece, token)).collect()
    };
    let mut routes = of(reading, false);
    routes.extend(of(writing, true));
    routes
}

fn route(piece: &str, token: bool) -> Option<Route> {
    let (path, handler) = piece.split_once('"')?;
    const METHODS: [(&str, &str); 4] = [("put(", "PUT"), ("delete(", "DELETE"), ("post(", "POST"), ("get(", "GET")];
    let handler = handler.replace("with_post(", "");
    let at = |word: &str| handler.find(word).unwrap_or(usize::MAX);
    let (_, method) = METHODS.into_iter().min_by_key(|(word, _)| at(word))?;
    Some(Route { method, path: path.to_owned(), token })
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let mut operation = json!({
            "parameters": parameters(&route),
            "responses": {
                "200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
                "default": {"description": "refused", "content": {"application/json": {"schema": {
                    "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}}},
            },
        });
        if let Some(keys) = operation.as_object_mut() {
            if route.token {
                keys.insert("security".to_owned(), json!([{"token": []}]));
            }
            if route.method != "GET" {
                let body = json!({"content": {"application/json": {"schema": {"type": "object"}}}});
                keys.insert("requestBody".to_owned(), body);
            }
        }
        let entry = paths.entry(format!("/api_3{}", route.path)).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(route.method.to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Copr's API v3, as Kiln answers it", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "basic"}}},
    })
}

/// The variables of the path, and the parameters of the query.
fn parameters(route: &Route) -> Vec<Value> {
    let variables = route.path.split('{').skip(1).filter_map(|piece| piece.split('}').next());
    let mut parameters: Vec<Value> = variables
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(query_of(&route.path).iter().map(|(name, required)| {
        let kind = if matches!(*name, "limit" | "offset" | "build_id") { "integer" } else { "string" };
        json!({"name": name, "in": "query", "required": required, "schema": {"type": kind}})
    }));
    parameters
}

const PROJECT: [(&str, bool); 2] = [("ownername", true), ("projectname", true)];

fn query_of(path: &str) -> Vec<(&'static str, bool)> {
    let paging = [("limit", false), ("offset", false), ("order", false), ("order_type", false)];
    let with = |fields: &[(&'static str, bool)], paged: bool| {
        let mut all = fields.to_vec();
        if paged {
            all.extend(paging);
        }
        all
    };
    let project = |further: &[(&'static str, bool)], paged: bool| with(&[&PROJECT, further].concat(), paged);
    match path {
        "/project" => project(&[], false),
        "/project/list" => with(&[("ownername", false)], true),
        "/project/search" => with(&[("query", true)], true),
        "/project/add/{owner}" => with(&[("exist_ok", false)], false),
        "/project-chroot" | "/project-chroot/build-config" => project(&[("chrootname", true)], false),
        "/build/list" => project(&[("packagename", false), ("status", false)], true),
        "/build-chroot" | "/build-chroot/build-config" | "/build-chroot/built-packages" => {
            with(&[("build_id", true), ("chrootname", true)], false)
        }
        "/build-chroot/list" => with(&[("build_id", true)], true),
        "/monitor" => project(&[("additional_fields[]", false)], false),
        "/package" => project(
            &[("packagename", true), ("with_latest_build", false), ("with_latest_succeeded_build", false)],
            false,
        ),
        "/package/list" => project(&[("with_latest_build", false), ("with_latest_succeeded_build", false)], true),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_every_route_and_the_page_too() {
        let routes = routes();
        assert_eq!(routes.len(), ROUTES.matches("&at(\"").count(), "{routes:?}");
        let page = include_str!("../../../../../docs/formats/http-api.md");
        for route in &routes {
            assert!(page.contains(&format!("`{}`", route.path)), "{} {} is not in the page", route.method, route.path);
        }
        let of = |path: &str| routes.iter().find(|route| route.path == path).map(|route| (route.method, route.token));
        assert_eq!(of("/project/edit/{owner}/{project}"), Some(("PUT", true)));
        assert_eq!(of("/build/delete/list"), Some(("DELETE", true)));
        assert_eq!(of("/project"), Some(("GET", false)));
    }
}
