//! The description of API v3 for machines, made from the routes themselves.

mod shapes;

use axum::Json;
use serde_json::{Map, Value, json};

/// The text that has the routes, so that none can be without its line in the description.
const ROUTES: &str = include_str!("../mod.rs");

/// What requests and answers are made of.
const SCHEMAS: &str = include_str!("schemas.json");

/// The type of every answer.
const JSON: &str = "application/json";

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

/// The whole description.
fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let entry = paths.entry(format!("/api_3{}", route.path)).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(route.method.to_lowercase(), operation(&route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Copr's API v3, as Kiln answers it",
            "description": "Where a route differs from Copr's, docs/formats/http-api.md says how and why.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "basic",
                "description": "Login and token; or a user's name with a token or the password.",
            }},
        },
    })
}

fn schemas() -> Value {
    let mut schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap_or_default();
    schemas.insert("OpenApi".to_owned(), json!({"type": "object", "required": ["openapi", "info", "paths"]}));
    Value::Object(schemas)
}

fn content(shape: &str, kinds: &[&str]) -> Value {
    let schema = json!({"schema": {"$ref": format!("#/components/schemas/{shape}")}});
    Value::Object(kinds.iter().map(|kind| ((*kind).to_owned(), schema.clone())).collect())
}

fn operation(route: &Route) -> Value {
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), Value::from(operation_id(route))),
        ("parameters".to_owned(), Value::from(parameters(route))),
        ("responses".to_owned(), responses(route)),
    ]);
    if route.token {
        operation.insert("security".to_owned(), json!([{"token": []}]));
    }
    if let Some(shape) = shapes::body(route.method, &route.path) {
        let kinds: &[&str] = if shape == "BuildFromFiles" { &["multipart/form-data"] } else { &["application/json"] };
        operation.insert("requestBody".to_owned(), json!({"required": true, "content": content(shape, kinds)}));
    }
    Value::Object(operation)
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '-', '_', '.']).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| word.replace(['{', '}'], "")).collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

/// Every status a route may answer with. 500 is not among them: it would be a defect.
fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    if let Some(shape) = shapes::answer(route.method, &route.path) {
        responses.insert("200".to_owned(), json!({"description": "done", "content": content(shape, &[JSON])}));
    }
    let mut refusals = vec![
        ("400", "the request makes no sense, or asks for what this server can not do"),
        ("403", "not with these rights"),
        ("404", "nothing of that name is there"),
        ("503", "busy; the same request may work later"),
    ];
    if route.token {
        refusals.push(("401", "no credentials, or not the right ones"));
        refusals.push(("409", "something in the way: a name that is taken, a build that is not finished"));
        refusals.push(("429", "too many wrong credentials came from there"));
    }
    if route.token || shapes::query(&route.path).iter().any(|(name, _)| *name == "limit") {
        refusals.push(("413", "too large: the body, or an answer that is not asked for in pages"));
    }
    if route.method != "GET" {
        refusals.push(("408", "the client fell silent in the middle of the body"));
    }
    for (status, description) in refusals {
        let refused = json!({"description": description, "content": content("Error", &[JSON])});
        responses.insert(status.to_owned(), refused);
    }
    Value::Object(responses)
}

/// The variables of the path, and the parameters of the query.
fn parameters(route: &Route) -> Vec<Value> {
    let variables = route.path.split('{').skip(1).filter_map(|piece| piece.split('}').next());
    let mut parameters: Vec<Value> = variables
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": parameter(name, &route.path)}))
        .collect();
    parameters.extend(shapes::query(&route.path).iter().map(|(name, required)| {
        json!({"name": name, "in": "query", "required": required, "schema": parameter(name, &route.path)})
    }));
    parameters
}

fn parameter(name: &str, path: &str) -> Value {
    match name {
        "id" | "build_id" => json!({"type": "integer", "minimum": 1}),
        "limit" | "offset" => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        "order" => {
            let words = [&["id"], shapes::order(path)].concat();
            json!({"type": "string", "enum": words})
        }
        "order_type" => json!({"type": "string", "enum": ["ASC", "DESC"]}),
        "exist_ok" | "with_latest_build" | "with_latest_succeeded_build" => {
            json!({"type": "string", "enum": ["True", "False"]})
        }
        "type" => json!({"type": "string", "enum": ["scm", "pypi", "rubygems", "custom", "distgit"]}),
        "additional_fields[]" => {
            json!({"type": "array", "items": {"enum": ["url_build_log", "url_backend_log", "url_build"]}})
        }
        "owner" | "ownername" | "who" => json!({"type": "string", "minLength": 1, "maxLength": 200}),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_every_route_and_the_page_too() {
        let routes = routes();
        assert_eq!(routes.len(), ROUTES.matches("&at(\"").count(), "{routes:?}");
        let page = include_str!("../../../../../../docs/formats/http-api.md");
        for route in &routes {
            assert!(page.contains(&format!("`{}`", route.path)), "{} {} is not in the page", route.method, route.path);
        }
        let of = |path: &str| routes.iter().find(|route| route.path == path).map(|route| (route.method, route.token));
        assert_eq!(of("/project/edit/{owner}/{project}"), Some(("PUT", true)));
        assert_eq!(of("/build/delete/list"), Some(("DELETE", true)));
        assert_eq!(of("/project"), Some(("GET", false)));
    }

    #[test]
    fn every_route_says_what_it_takes_and_answers_and_every_shape_is_used() {
        let text = document().to_string();
        let schemas = schemas();
        let names: Vec<&String> = schemas.as_object().unwrap().keys().collect();
        assert!(names.len() > 40, "the file of shapes is not readable");
        for piece in text.split("#/components/schemas/").skip(1) {
            let name = piece.split('"').next().unwrap();
            assert!(names.iter().any(|known| *known == name), "{name} is used and not described");
        }
        for name in names {
            assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is described and not used");
        }
        let never = ["/gssapi_login"];
        for route in routes() {
            let answered = shapes::answer(route.method, &route.path).is_some();
            assert_ne!(answered, never.contains(&route.path.as_str()), "{} {}", route.method, route.path);
            let needs_none = ["/api-token", "/webhook/generate/{owner}/{project}"];
            let bare = ["/build/cancel/{id}", "/build/delete/{id}", "/project/regenerate-repos/{owner}/{project}"];
            let takes = shapes::body(route.method, &route.path).is_some();
            let nothing = route.method == "GET" || needs_none.iter().chain(&bare).any(|path| *path == route.path);
            assert_eq!(takes, !nothing, "{} {}", route.method, route.path);
        }
    }
}
