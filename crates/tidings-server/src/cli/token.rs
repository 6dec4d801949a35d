//! `tidings token`: makes tokens, and tells what is in one.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tidings::{Timestamp, rfc3339};
use tidings_auth::{Algorithm, Explanation, KeyError, Minter, NewToken, explain};

use crate::cli::Exit;
use crate::cli::grant::{GrantArgs, refused};
use crate::cli::hub::usage_error;
use crate::{names, wall_clock};

#[derive(Args, Debug)]
#[command(after_help = "\
The token is signed with the secret in TIDINGS_AUTH_JWT_SECRET, which is the one that the hub has,
or with the private key in --key-file, whose public half the hub has in an [[issuer]].

Examples:
  tidings token --subscribe 'jobs/**'                      who may read the jobs for an hour
  tidings token --publish '**' --identity ci --expires 8h  who may publish everywhere
  tidings token --admin --subscribe '**'                   who may see everything and end streams
  tidings token --explain \"$TOKEN\"                         what a token says, trusted or not")]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    grant: GrantArgs,

    /// How long it is good for; streams end then
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    expires: Duration,

    /// The issuer it names
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,

    /// The audience it names
    #[arg(long, value_name = "AUD")]
    audience: Option<String>,

    /// A name for it, by which it can be revoked; drawn unless given
    #[arg(long, value_name = "JTI", value_parser = names::name)]
    jti: Option<String>,

    /// How it is signed: HS256, HS384, HS512, RS256, …, ES256, ES384 or EdDSA
    #[arg(long, value_name = "ALG", default_value = "HS256")]
    algorithm: Algorithm,

    /// The private key to sign with, as PEM
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// The id of that key
    #[arg(long, value_name = "KID", requires = "key_file")]
    kid: Option<String>,

    /// Tell what a token says instead, without trusting it; - reads it from stdin
    #[arg(long, value_name = "TOKEN", exclusive = true)]
    explain: Option<String>,
}

/// The secret that hubs and whoever mints for them share.
const SECRET: &str = "TIDINGS_AUTH_JWT_SECRET";

pub(crate) fn token(args: TokenArgs) -> anyhow::Result<Exit> {
    let now = wall_clock::now();
    if let Some(token) = &args.explain {
        return tell(token, now);
    }
    args.grant.check()?;
    let minter = minter(&args)?;
    let token = NewToken {
        publish: args.grant.publish,
        subscribe: args.grant.subscribe,
        admin: args.grant.admin,
        identity: args.grant.identity,
        namespace: args.grant.namespace,
        issuer: args.issuer,
        audience: args.audience,
        jti: args
            .jti
            .or_else(|| Some(format!("{:016x}", fastrand::u64(..)))),
        lifetime: args.expires,
    };
    let token = minter.mint(&token, now).map_err(refused)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(Exit::Success)
}

fn minter(args: &TokenArgs) -> anyhow::Result<Minter> {
    let minter = if let Some(file) = &args.key_file {
        let pem = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Minter::pem(args.algorithm, &pem)
    } else {
        let secret = std::env::var(SECRET).map_err(|_| {
            usage_error(format_args!(
                "there is nothing to sign with: set {SECRET} to the secret of the hub (at least 32 bytes), or name a --key-file"
            ))
        })?;
        Minter::secret(args.algorithm, secret.as_bytes())
    };
    let minter = minter.map_err(|error| match &args.key_file {
        Some(file) => {
            let file = file.display();
            match error {
                KeyError::NotPem { .. } => usage_error(format_args!(
                    "{file}: {error}: `openssl genpkey -algorithm ed25519` makes one, for --algorithm EdDSA"
                )),
                error => usage_error(format_args!("{file}: {error}")),
            }
        }
        None => usage_error(format_args!("{SECRET}: {error}")),
    })?;
    Ok(match &args.kid {
        Some(kid) => minter.with_kid(kid.as_str()),
        None => minter,
    })
}

/// More than any token has, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Prints what a token says. One that could not be good exits with 1.
fn tell(token: &str, now: Timestamp) -> anyhow::Result<Exit> {
    let mut text = token.to_owned();
    if token == "-" {
        text.clear();
        io::stdin().take(LONGEST).read_to_string(&mut text)?;
    }
    let explanation = match explain(text.trim(), now) {
        Ok(explanation) => explanation,
        Err(denied) => {
            writeln!(io::stdout(), "not a token: {denied}")?;
            return Ok(Exit::Failure);
        }
    };
    write(&explanation, now, &mut io::stdout().lock())?;
    Ok(match explanation.grant {
        Ok(_) => Exit::Success,
        Err(_) => Exit::Failure,
    })
}

fn write(explanation: &Explanation, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "header   {}", explanation.header)?;
    writeln!(out, "claims   {}", explanation.claims)?;
    let times = [
        ("issued", explanation.issued_at),
        ("from", explanation.not_before),
        ("until", explanation.expires_at),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            let is_over = name == "until" && time <= now;
            let is_over = if is_over { ", which is over" } else { "" };
            writeln!(out, "{name:8} {}{is_over}", rfc3339(time))?;
        }
    }
    match &explanation.grant {
        Err(denied) => writeln!(out, "refused  {denied}"),
        Ok(grant) => {
            let list = |selectors: &tidings::Selectors| {
                let texts: Vec<_> = selectors.iter().map(ToString::to_string).collect();
                if texts.is_empty() {
                    "nothing".to_owned()
                } else {
                    texts.join(" ")
                }
            };
            writeln!(
                out,
                "identity {}",
                grant.identity.as_deref().unwrap_or("none")
            )?;
            writeln!(out, "publish  {}", list(grant.rights.publish()))?;
            writeln!(out, "read     {}", list(grant.rights.subscribe()))?;
            writeln!(
                out,
                "admin    {}",
                if grant.is_admin() { "yes" } else { "no" }
            )?;
            writeln!(out, "Whether the signature is good only the hub can tell.")
        }
    }
}
