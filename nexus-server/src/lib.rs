//! HTTP shell of Nexus: axum over the facade of `nexus-core`, without business rules.
//!
//! [`router`] serves every route of [`routes::table`] over one [`AppState`]; [`serve`](serve::serve) runs it until
//! shutdown. The binary `nexus-server` adds arguments, environment and signals, in [`start`].
//!
//! There is no authentication yet. So the server [listens on the loopback address only](listen::LoopbackListener),
//! refuses requests that a web page could have sent, and every request acts as the one principal of its
//! configuration.

mod config;
mod connect;
mod error;
mod extract;
pub mod listen;
mod log;
mod middleware;
mod origin_check;
mod reload;
mod restart;
pub mod routes;
pub mod serve;
mod sse;
pub mod start;
mod state;
pub mod store;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use nexus_core::Error;

pub use connect::ConnectionLimits;
pub use state::{AppState, HEARTBEAT};

use error::{ApiError, codes};

/// Returns all routes, with the middleware around them.
pub fn router(server: AppState) -> Router {
    let add = |router: Router<AppState>, route: routes::Route| router.route(route.path, route.handler);
    routes::table()
        .into_iter()
        .fold(Router::new(), add)
        .fallback(async || ApiError::from(Error::not_found("there is no such route")))
        .method_not_allowed_fallback(async || {
            ApiError::from(
                Error::invalid("the route does not take this method").with_code(codes::METHOD_NOT_ALLOWED),
            )
        })
        .layer(DefaultBodyLimit::max(extract::MAX_BODY_BYTES))
        .layer(from_fn_with_state(server.clone(), middleware::request_context))
        .with_state(server)
}
