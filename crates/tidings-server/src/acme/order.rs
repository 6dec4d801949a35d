use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use tidings_http::Tls;

use crate::acme::failure::{Failure, told};
use crate::acme::folder::Issued;
use crate::settings::AcmeSettings;

/// How the server is asked how far it is.
const POLLS: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(180));

/// Orders a certificate for all the names, while `tls` shows the server that they are ours.
pub(super) async fn order(
    account: &Account,
    settings: &AcmeSettings,
    tls: &Tls,
) -> Result<Issued, Failure> {
    let names = settings.domains.iter().cloned().map(Identifier::Dns);
    let names: Vec<_> = names.collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let proofs = Proofs(tls);
    proofs.show(&mut order).await?;
    let failure = match order.poll_ready(&POLLS).await {
        Ok(OrderStatus::Ready) => None,
        Ok(_) => Some(Failure::Refused("the order is invalid".to_owned())),
        Err(error) => Some(error.into()),
    };
    if let Some(failure) = failure {
        let reason = reason(&mut order).await.ok().flatten();
        return Err(reason.unwrap_or(failure));
    }
    drop(proofs);

    let key = KeyPair::generate()?;
    let mut request = CertificateParams::new(settings.domains.clone())?;
    request.distinguished_name = DistinguishedName::new();
    let request = request.serialize_request(&key)?;
    order.finalize_csr(request.der()).await?;
    let certificate = order.poll_certificate(&POLLS).await?;
    Ok(Issued::new(settings, certificate, key.serialize_pem()))
}

/// Shows proofs for as long as it is there.
struct Proofs<'a>(&'a Tls);

impl Proofs<'_> {
    /// Shows one for each name that is still to be validated, and has the server look at it.
    async fn show(&self, order: &mut Order) -> Result<(), Failure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let name = authorization.identifier().to_string();
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
                return Err(Failure::NoChallenge(name));
            };
            let digest = challenge.key_authorization().digest();
            let mut proof = CertificateParams::new([name.clone()])?;
            proof.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
            let key = KeyPair::generate()?;
            let certificate = proof.self_signed(&key)?.pem();
            self.0
                .prove(
                    &name,
                    certificate.as_bytes(),
                    key.serialize_pem().as_bytes(),
                )
                .map_err(|error| Failure::BadCertificate(Some(error)))?;
            challenge.set_ready().await?;
        }
        Ok(())
    }
}

impl Drop for Proofs<'_> {
    fn drop(&mut self) {
        self.0.end_proofs();
    }
}

/// Which of the names was not validated, and why.
async fn reason(order: &mut Order) -> Result<Option<Failure>, Failure> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        let challenges = &authorization.refresh().await?.challenges;
        if let Some(problem) = challenges.iter().find_map(|one| one.error.as_ref()) {
            let reason = told(problem);
            return Ok(Some(Failure::NotValidated { name, reason }));
        }
    }
    Ok(None)
}
