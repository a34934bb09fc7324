//! Which addresses may be asked: `http` and `https` only, and no private network unless allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Checks the form of an address; names are checked again when they are resolved.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{} is not a scheme this service fetches (http or https)", url.scheme()));
    }
    let ip = match url.host() {
        None => return Err("has no host".to_owned()),
        Some(Host::Domain(_)) => return Ok(()),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
    };
    if allow_private || is_public(ip) { Ok(()) } else { Err(PRIVATE.to_owned()) }
}

const PRIVATE: &str = "is in a private network, which this service does not ask";

/// Whether an address belongs to the public Internet, as far as its number tells.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let reserved = a == 0 || a >= 240;
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_multicast() || shared || reserved || benchmark)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let unique_local = ip.segments()[0] & 0xfe00 == 0xfc00;
    let link_local = ip.segments()[0] & 0xffc0 == 0xfe80;
    let embeds_v4 = ip.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] || ip.segments()[0] == 0x2002;
    !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || unique_local || link_local || embeds_v4)
}

/// Resolves names with the system's resolver and drops private addresses, so that a public name can not lead inside.
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(format!("{} {PRIVATE}", name.as_str()).into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_recognised_in_every_spelling() {
        for private in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for private in ["::ffff:127.0.0.1", "fd00::1", "fe80::1", "::", "64:ff9b::7f00:1", "2002:7f00:1::"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        assert!(is_public("192.0.2.1".parse().unwrap()) && is_public("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn only_http_is_asked_and_private_hosts_only_when_allowed() {
        let check = |text: &str, private| check(&Url::parse(text).unwrap(), private);
        assert!(check("https://example.org/a.dsc", false).is_ok());
        assert!(check("http://127.0.0.1:8080/a.dsc", true).is_ok());
        assert!(check("http://127.0.0.1:8080/a.dsc", false).is_err());
        assert!(check("http://0x7f000001/a.dsc", false).is_err());
        assert!(check("file:///etc/passwd", true).is_err());
        assert!(check("ftp://example.org/a.dsc", true).is_err());
    }
}
