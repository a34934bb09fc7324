use model::BuildSource;
use store::OpenSource;

use super::reconcile::Making;
use super::{dsc, handed, job, spec, srpm};
use crate::formats::Submission;
use crate::inner::Inner;

/// Makes the source of a build: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource) -> Making {
    match &open.source {
        BuildSource::Job { .. } => match job::files(inner, open).await {
            // Read as if somebody had uploaded it: what is believed of a source does not depend on who made it.
            Ok(uploads) => read(inner, &OpenSource { uploads, ..open.clone() }).await,
            Err(not_made) => Making { signature: None, end: Err(not_made) },
        },
        BuildSource::Url { .. } | BuildSource::Upload { .. } | BuildSource::Revision { .. } => read(inner, open).await,
    }
}

/// Makes the source of a file that is handed in.
async fn read(inner: &Inner, open: &OpenSource) -> Making {
    match handed::get(inner, open).await {
        Ok((Submission::Dsc, file)) => dsc::make(inner, open, file).await,
        Ok((Submission::SourceRpm, file)) => srpm::make(inner, open, file).await,
        Ok((Submission::Spec, file)) => spec::make(inner, open, file).await,
        Err(not_made) => Making { signature: None, end: Err(not_made) },
    }
}
