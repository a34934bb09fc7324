//! Carries a router over sockets: bounded connections, bounded headers, and an orderly end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::guesses::Peer;

/// Bounds on the connections of a [`Server`].
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Longest wait for the header of a request, a silent connection between two requests included.
    pub header_timeout: Duration,
    /// Largest header of a request, in bytes.
    pub header_bytes: usize,
    /// How long open requests may go on after the stop.
    pub drain: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_timeout: Duration::from_secs(30),
            header_bytes: 64 * 1024,
            drain: Duration::from_secs(5),
        }
    }
}

/// Answers connections of one listener with one router.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    options: ServerOptions,
}

impl Server {
    /// A server for a listener that is bound already.
    #[must_use]
    pub const fn new(listener: TcpListener, options: ServerOptions) -> Self {
        Self { listener, options }
    }

    /// Answers until `stop` is canceled, then lets open requests end.
    pub async fn run(self, router: Router, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.options.connections));
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            let Some((socket, slot)) = accepted else { continue };
            let connection = serve_connection(socket, router.clone(), self.options, stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(slot);
            });
        }
        drop(self.listener);
        connections.close();
        if tokio::time::timeout(self.options.drain, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "{} connections were cut off", connections.len());
        }
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, _)) => Some((socket, slot)),
        Err(error) => {
            // A connection that broke while it waited costs nothing; out of file descriptors needs a moment.
            tracing::warn!(%error, "a connection could not be accepted: {error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}

async fn serve_connection(socket: TcpStream, router: Router, options: ServerOptions, stop: CancellationToken) {
    // Answers are written in whole pieces; waiting for more only delays them.
    let _ = socket.set_nodelay(true);
    let peer = socket.peer_addr().ok().map(|address| Peer(address.ip()));
    let router = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let answer = hyper::service::Service::call(&router, request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.header_bytes)
        .max_headers(100);
    let connection = builder.serve_connection(TokioIo::new(socket), answer);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early: {error}");
    }
}
