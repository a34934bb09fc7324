use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

/// Pieces of work that go on at the same time, in one pass of a reconciler.
///
/// A piece may hold a connection of the store across an await; if nobody polled it while the pass itself waits for a
/// connection, both would wait for ever. So whatever the pass awaits, it awaits through [`Self::beside`].
pub(crate) struct Crew<'a, T> {
    running: FuturesUnordered<BoxFuture<'a, T>>,
    ended: VecDeque<T>,
}

impl<'a, T> Crew<'a, T> {
    /// A crew without work.
    pub(crate) fn new() -> Self {
        Self { running: FuturesUnordered::new(), ended: VecDeque::new() }
    }

    /// Adds a piece of work.
    pub(crate) fn push(&mut self, work: impl Future<Output = T> + Send + 'a) {
        self.running.push(Box::pin(work));
    }

    /// How many pieces go on.
    pub(crate) fn working(&self) -> usize {
        self.running.len()
    }

    /// Whether nothing goes on and no end is unheard of.
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }

    /// Awaits something else while the crew goes on.
    pub(crate) async fn beside<U>(&mut self, other: impl Future<Output = U>) -> U {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                output = &mut other => return output,
                Some(end) = self.running.next() => self.ended.push_back(end),
            }
        }
    }

    /// Waits for one end, but not longer than `patience`.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Option<T> {
        if let Some(end) = self.ended.pop_front() {
            return Some(end);
        }
        tokio::time::timeout(patience, self.running.next()).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn work_that_holds_what_the_owner_wants_goes_on() {
        let only = Arc::new(Mutex::new(0));
        let mut crew = Crew::new();
        let held = Arc::clone(&only).lock_owned().await;
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        crew.push(async move {
            let mut held = held;
            let _ = begun.await;
            *held += 1;
        });
        let seen = crew
            .beside(async {
                let _ = begin.send(());
                *only.lock().await
            })
            .await;
        assert_eq!(seen, 1);
        assert_eq!(crew.next_within(Duration::from_secs(60)).await, Some(()));
        assert!(crew.is_empty());
    }
}
