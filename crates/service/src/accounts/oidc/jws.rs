//! Signed tokens in the compact form (RFC 7515) and the keys that sign them (RFC 7517, RFC 7518, RFC 8037).
//!
//! Only public-key signatures: `none` and shared secrets are never accepted, whatever a token says of itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 64 * 1024;

/// A set of public keys, as a provider publishes it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

/// One key; of a kind we do not know, every field may be missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// Why a token's claims can not be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// It is no token.
    Malformed,
    /// No key of the set could have signed it.
    NoKey,
    /// A key could have, but did not.
    Forged,
}

impl KeySet {
    /// The claims of a token that one of the keys signed.
    pub(super) fn verify(&self, token: &str) -> Result<Map<String, Value>, Unsigned> {
        let (head, claims, signed) = parts(token).ok_or(Unsigned::Malformed)?;
        let header: Header = decoded(head).ok_or(Unsigned::Malformed)?;
        // Extensions that must be understood: there is none we do.
        if header.crit.is_some() {
            return Err(Unsigned::Malformed);
        }
        let value = URL_SAFE_NO_PAD.decode(signed).map_err(|_| Unsigned::Malformed)?;
        let message = token.rsplit_once('.').map_or("", |(message, _)| message);
        let mut fits = self.keys.iter().filter(|key| key.fits(&header)).peekable();
        if fits.peek().is_none() {
            return Err(Unsigned::NoKey);
        }
        if !fits.any(|key| key.signed(&header.alg, message.as_bytes(), &value).unwrap_or(false)) {
            return Err(Unsigned::Forged);
        }
        decoded(claims).ok_or(Unsigned::Malformed)
    }
}

fn parts(token: &str) -> Option<(&str, &str, &str)> {
    let mut parts = token.split('.');
    let all = (parts.next()?, parts.next()?, parts.next()?);
    (token.len() <= LONGEST && parts.next().is_none()).then_some(all)
}

fn decoded<T: for<'a> Deserialize<'a>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl Key {
    fn fits(&self, header: &Header) -> bool {
        let (kind, curve) = match header.alg.as_str() {
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => ("RSA", ""),
            "ES256" => ("EC", "P-256"),
            "ES384" => ("EC", "P-384"),
            "EdDSA" | "Ed25519" => ("OKP", "Ed25519"),
            _ => return false,
        };
        self.kty == kind
            && (curve.is_empty() || self.crv == curve)
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_ref().is_none_or(|alg| *alg == header.alg)
            && (header.kid.is_none() || self.kid.is_none() || self.kid == header.kid)
    }

    fn signed(&self, alg: &str, message: &[u8], value: &[u8]) -> Option<bool> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let rsa = |parameters: &RsaParameters| {
            let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            let key = RsaPublicKeyComponents { n: n.get(zeros..)?, e: e.as_slice() };
            Some(key.verify(parameters, message, value).is_ok())
        };
        let plain = |algorithm: &'static dyn VerificationAlgorithm, key: Vec<u8>| {
            UnparsedPublicKey::new(algorithm, key).verify(message, value).is_ok()
        };
        let point = || Some([&[4], bytes(&self.x)?.as_slice(), bytes(&self.y)?.as_slice()].concat());
        match alg {
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => Some(plain(&signature::ECDSA_P256_SHA256_FIXED, point()?)),
            "ES384" => Some(plain(&signature::ECDSA_P384_SHA384_FIXED, point()?)),
            _ => Some(plain(&signature::ED25519, bytes(&self.x)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn set(keys: Value) -> KeySet {
        serde_json::from_value(json!({ "keys": keys })).unwrap()
    }

    /// A set of one Ed25519 key, and a token it signed with this header.
    fn signed(header: &Value) -> (KeySet, String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let message = format!("{}.{}", encode(header.to_string()), encode(json!({"sub": "17"}).to_string()));
        let token = format!("{message}.{}", encode(pair.sign(message.as_bytes())));
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": encode(pair.public_key())});
        (set(json!([{"kty": "oct", "k": "c2VjcmV0"}, key])), token)
    }

    #[test]
    fn a_token_of_a_known_key_is_believed() {
        for header in [json!({"alg": "EdDSA", "kid": "a"}), json!({"alg": "EdDSA"})] {
            let (keys, token) = signed(&header);
            assert_eq!(keys.verify(&token).unwrap()["sub"], "17");
        }
    }

    #[test]
    fn tokens_of_another_program_are_believed_and_changed_ones_are_not() {
        let text = include_str!("../../../../../corpus/jws/joserfc.tsv");
        let cases: Vec<_> = text.lines().filter_map(|line| line.split_once('\t')).collect();
        assert_eq!(cases.len(), 5);
        for (key, token) in cases {
            let keys = set(json!([serde_json::from_str::<Value>(key).unwrap()]));
            assert_eq!(keys.verify(token).unwrap()["iss"], "joe", "{key}");
            let forged = token.replace(&encode("{\"iss\":\"joe\"}"), &encode("{\"iss\":\"bob\"}"));
            assert_eq!(keys.verify(&forged), Err(Unsigned::Forged), "{key}");
        }
    }

    #[test]
    fn nothing_else_is_believed() {
        for (header, reason) in [
            (json!({"alg": "none"}), Unsigned::NoKey),
            (json!({"alg": "HS256"}), Unsigned::NoKey),
            (json!({"alg": "RS256", "kid": "a"}), Unsigned::NoKey),
            (json!({"alg": "EdDSA", "kid": "b"}), Unsigned::NoKey),
            (json!({"alg": "EdDSA", "crit": ["exp"]}), Unsigned::Malformed),
            (json!({"kid": "a"}), Unsigned::Malformed),
        ] {
            let (keys, token) = signed(&header);
            assert_eq!(keys.verify(&token), Err(reason), "{header}");
        }
        let (keys, token) = signed(&json!({"alg": "EdDSA"}));
        let bare = token.rsplit_once('.').unwrap().0;
        assert_eq!(keys.verify(&format!("{bare}.")), Err(Unsigned::Forged));
        for bad in ["", "..", "a.b.c", bare, &format!("{token}.x"), &"x.".repeat(40_000)] {
            assert_eq!(keys.verify(bad), Err(Unsigned::Malformed), "{bad:.20}");
        }
    }
}
