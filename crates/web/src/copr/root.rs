use axum::Json;
use serde_json::{Value, json};

/// The document every client begins with.
pub(super) async fn show() -> Json<Value> {
    Json(json!({"_links": {
        "self": {"href": "/api_2/"},
        "projects": {
            "href": "/api_2/projects",
            "query_params": [
                {"name": "owner", "type": "string", "description": "Select only project owned by the user"},
            ],
        },
        "mock_chroots": {"href": "/api_2/mock_chroots"},
        "builds": {"href": "/api_2/builds"},
        "build_tasks": {"href": "/api_2/build_tasks"},
    }}))
}
