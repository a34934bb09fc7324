use store::OpenSource;

use super::reconcile::Making;
use super::{dsc, handed, spec, srpm};
use crate::formats::Submission;
use crate::inner::Inner;

/// Makes the source of a build: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource) -> Making {
    match handed::get(inner, open).await {
        Ok((Submission::Dsc, file)) => dsc::make(inner, open, file).await,
        Ok((Submission::SourceRpm, file)) => srpm::make(inner, open, file).await,
        Ok((Submission::Spec, file)) => spec::make(inner, open, file).await,
        Err(not_made) => Making { signature: None, end: Err(not_made) },
    }
}
