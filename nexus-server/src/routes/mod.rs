//! Table of all routes. A route calls the library's facade and nothing else.

mod audio;
mod health;
mod run;

use axum::http::Method;
use axum::routing::{MethodRouter, get, post};
use nexus_core::operations::RUN_CREATE;

use crate::state::AppState;

/// Route.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path template.
    pub path: &'static str,
    pub(crate) handler: MethodRouter<AppState>,
}

/// Returns all routes.
pub fn table() -> [Route; 4] {
    [
        Route { method: Method::GET, path: "/health/live", handler: get(health::live) },
        Route { method: Method::GET, path: "/health/ready", handler: get(health::ready) },
        Route { method: Method::GET, path: "/v1/audio/{file}", handler: get(audio::audio) },
        Route { method: Method::POST, path: RUN_CREATE.route.path, handler: post(run::run) },
    ]
}
