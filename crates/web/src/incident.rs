//! The one place where a failure of the service becomes a log line: the client sees a number, the operator the chain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Logs an error with its whole chain and returns a short id that the client may quote.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let incident = format!("{seconds:x}-{number}");
    let chain = chain(error);
    tracing::error!(incident.id = %incident, error = %chain, "incident {incident}: {chain}");
    incident
}

/// An error and its causes in one line, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
