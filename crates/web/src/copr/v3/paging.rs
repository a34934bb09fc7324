use serde_json::{Value, json};

use super::error::{V3Error, short};
use crate::query::Query;

/// Most items of an answer to a request that names no limit, or a larger one.
pub(super) const MOST: u32 = 10_000;

/// Which part of a list is wanted.
#[derive(Debug, Clone)]
pub(super) struct Paging {
    limit: Option<u32>,
    /// Items to leave out at the beginning.
    pub(super) offset: u32,
    order: String,
    descending: bool,
}

impl Paging {
    /// Reads `limit`, `offset`, `order` and `order_type`; `columns` are the words `order` may be.
    ///
    /// # Errors
    /// 400 for anything else. DIFFERS from Copr: it answers 500.
    pub(super) fn parse(query: &Query, columns: &[&str]) -> Result<Self, V3Error> {
        let number = |name: &'static str| match query.integer(name) {
            Ok(None) => Ok(None),
            Ok(Some(number)) => u32::try_from(number).map(Some).map_err(|_| bad(name, "Not a valid integer value.")),
            Err(_) if query.get(name) == Some("") => Ok(None),
            Err(_) => Err(bad(name, "Not a valid integer value.")),
        };
        let limit = number("limit")?.filter(|limit| *limit > 0);
        let offset = number("offset")?.unwrap_or(0);
        let order = query.get("order").filter(|order| !order.is_empty()).unwrap_or("id");
        if order != "id" && !columns.contains(&order) {
            let message = format!("Cannot order by {}, copr doesn't have such property", short(order));
            return Err(V3Error::invalid(message));
        }
        let descending = match query.get("order_type").filter(|word| !word.is_empty()) {
            None | Some("ASC" | "asc") => false,
            Some("DESC" | "desc") => true,
            Some(_) => return Err(bad("order_type", "Not a valid choice.")),
        };
        Ok(Self { limit, offset, order: order.to_owned(), descending })
    }

    /// How many items to look for: one more than may be answered if the client named no limit.
    pub(super) fn wanted(&self) -> u32 {
        self.limit.map_or(MOST + 1, |limit| limit.min(MOST))
    }

    /// Whether the last comes first.
    pub(super) const fn descending(&self) -> bool {
        self.descending
    }

    /// The column the client named.
    pub(super) fn order(&self) -> &str {
        &self.order
    }

    /// The list as the client wants it.
    ///
    /// # Errors
    /// 413 if there are too many for an answer, and the client has not asked for pages.
    pub(super) fn answer(&self, items: Vec<Value>) -> Result<Value, V3Error> {
        if self.limit.is_none() && items.len() > MOST as usize {
            let status = axum::http::StatusCode::PAYLOAD_TOO_LARGE;
            return Err(V3Error::new(status, format!("More than {MOST} items; ask for pages with limit and offset")));
        }
        let order_type = if self.descending { "DESC" } else { "ASC" };
        let meta = json!({"limit": self.limit, "offset": self.offset, "order": self.order, "order_type": order_type});
        Ok(json!({"items": items, "meta": meta}))
    }

    /// The wanted part of a short list that is there as a whole.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(super) fn cut(&self, mut items: Vec<Value>) -> Result<Value, V3Error> {
        if self.descending {
            items.reverse();
        }
        let index = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        self.answer(items.into_iter().skip(index(self.offset)).take(index(self.wanted())).collect())
    }
}

fn bad(name: &str, reason: &str) -> V3Error {
    V3Error::invalid(format!("{{'{name}': ['{reason}']}}"))
}
