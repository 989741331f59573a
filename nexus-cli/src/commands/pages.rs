//! Options of every list, `--limit` and `--after`, and the walk over the pages behind them.

use std::borrow::Cow;
use std::future::Future;

use clap::Args;
use nexus_core::{Page, Result};

use crate::output::Output;

/// Default limit of lists that are shown whole.
pub(super) const ALL: usize = usize::MAX;

/// Part of a list to show: at most `DEFAULT` entries unless the caller says otherwise.
#[derive(Debug, Default, Args)]
pub(crate) struct PageArgs<const DEFAULT: usize> {
    #[arg(long, value_name = "N", help = limit_help(DEFAULT))]
    limit: Option<usize>,
    /// Begin after the entry with this key; a list that is cut names the key of its last entry
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
}

fn limit_help(default: usize) -> String {
    let default = if default == ALL { "all".to_owned() } else { default.to_string() };
    format!("Maximum number of entries [default: {default}]")
}

/// Entries of a list, with the cursor of the entries that follow.
pub(super) struct Listed<T> {
    pub(super) entries: Vec<T>,
    next: Option<String>,
}

impl<const DEFAULT: usize> PageArgs<DEFAULT> {
    /// Reads the entries page by page. `key` returns the key of an entry, from its number among those that were read and
    /// from itself.
    pub(super) async fn read<T, F>(
        &self,
        read: impl Fn(Page) -> F,
        key: impl Fn(usize, &T) -> String,
    ) -> Result<Listed<T>>
    where
        F: Future<Output = Result<Vec<T>>>,
    {
        let most = self.limit.unwrap_or(DEFAULT);
        let (mut entries, mut after) = (Vec::new(), self.after.clone());
        while entries.len() <= most {
            // One entry more than is shown tells whether others follow.
            let limit = most.saturating_add(1).saturating_sub(entries.len()).min(Page::MAX);
            let page = read(Page { after, limit }).await?;
            let is_last = page.len() < limit;
            entries.extend(page);
            if is_last {
                break;
            }
            after = entries.last().map(|last| key(entries.len(), last));
        }
        let is_cut = entries.len() > most;
        entries.truncate(most);
        let next = entries.last().filter(|_| is_cut).map(|last| key(entries.len(), last));
        Ok(Listed { entries, next })
    }
}

/// Reads a whole list.
pub(super) async fn read_all<T, F>(
    read: impl Fn(Page) -> F,
    key: impl Fn(usize, &T) -> String,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<Vec<T>>>,
{
    PageArgs::<ALL>::default().read(read, key).await.map(|listed| listed.entries)
}

impl<T> Listed<T> {
    /// Tells that more entries follow, and the option that continues the list.
    pub(super) fn tell(&self, output: &Output) {
        if let Some(next) = &self.next {
            output.note(format_args!("hint: more entries follow; continue with `--after {}`", quoted(next)));
        }
    }
}

/// Quotes a key for a shell, where it needs that.
fn quoted(key: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@+#=,".contains(c);
    if key.chars().all(is_plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("'{}'", key.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists the numbers below `count` as a store does, and returns what is shown with the cursor.
    async fn shown(count: usize, args: PageArgs<3>) -> (Vec<usize>, Option<String>) {
        let read = async |page: Page| {
            assert!(page.limit <= Page::MAX);
            let first = page.after_number()?.map_or(0, |after| usize::try_from(after).unwrap() + 1);
            Ok((first..count).take(page.limit).collect())
        };
        let listed = args.read(read, |_, number: &usize| number.to_string()).await.unwrap();
        (listed.entries, listed.next)
    }

    #[tokio::test]
    async fn a_list_is_cut_at_its_limit_and_says_so_only_when_more_follows() {
        let args = |limit, after: Option<&str>| PageArgs { limit, after: after.map(str::to_owned) };
        assert_eq!(shown(4, args(None, None)).await, (vec![0, 1, 2], Some("2".to_owned())));
        assert_eq!(shown(3, args(None, None)).await, (vec![0, 1, 2], None));
        assert_eq!(shown(4, args(None, Some("2"))).await, (vec![3], None));
        assert_eq!(shown(4, args(Some(0), None)).await, (vec![], None));
        let (all, next) = shown(2_500, args(Some(ALL), None)).await;
        assert_eq!((all, next), ((0..2_500).collect(), None));
        let (many, next) = shown(2_500, args(Some(1_000), None)).await;
        assert_eq!((many.len(), next.as_deref()), (1_000, Some("999")));
    }

    #[test]
    fn a_key_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(quoted("handbook/leave.md"), "handbook/leave.md");
        assert_eq!(quoted("it's one"), r"'it'\''s one'");
        assert_eq!(quoted(r#"{"a":1}"#), r#"'{"a":1}'"#);
    }
}
