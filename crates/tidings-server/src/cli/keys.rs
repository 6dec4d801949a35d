//! `tidings keys`: makes API keys.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;
use tidings_auth::ApiKey;
use toml::{Table, Value};

use crate::cli::grant::GrantArgs;
use crate::cli::{Exit, notice};

#[derive(Args, Debug)]
#[command(after_help = "\
The key is printed once and cannot be recovered: the hub keeps its hash alone. What to put into the
hub's tidings.toml is printed to stderr.

Examples:
  tidings keys --publish 'builds/**' --identity ci         a key for a build server
  tidings keys --subscribe '**' --admin >> operator.key    a key for an operator
  curl -H \"X-API-Key: $KEY\" ...                            how it is used")]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    grant: GrantArgs,

    /// Print one JSON object with key, id and hash instead
    #[arg(long)]
    json: bool,
}

pub(crate) fn keys(args: &KeysArgs) -> anyhow::Result<Exit> {
    args.grant.check()?;
    let key = ApiKey::generate();
    let (id, hash) = (key.id(), key.hash().to_string());
    let mut out = io::stdout().lock();
    if args.json {
        let told = json!({ "key": key.text(), "id": id, "hash": hash });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{}", key.text())?;
    }
    out.flush()?;
    notice(format_args!(
        "put this into the hub's tidings.toml and start it again:\n\n{}",
        table(args, id, &hash)
    ));
    Ok(Exit::Success)
}

/// The `[[api_key]]` of a key.
fn table(args: &KeysArgs, id: &str, hash: &str) -> Table {
    let mut key = Table::new();
    let mut put = |name: &str, value: Value| key.insert(name.to_owned(), value);
    put("id", id.into());
    put("hash", hash.into());
    let texts = [
        ("identity", &args.grant.identity),
        ("namespace", &args.grant.namespace),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    let lists = [
        ("publish", &args.grant.publish),
        ("subscribe", &args.grant.subscribe),
    ];
    for (name, selectors) in lists
        .into_iter()
        .filter(|(_, selectors)| !selectors.is_empty())
    {
        put(name, selectors.clone().into());
    }
    if args.grant.admin {
        put("admin", true.into());
    }
    Table::from_iter([("api_key".to_owned(), vec![key].into())])
}
