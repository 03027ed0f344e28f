//! The client of a request: its address, and the operator that a proxy names. Only trusted proxies, which are
//! configured by address, can set them by headers. The same headers from other peers are ignored.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderName, request::Parts},
};

use super::Principal;

/// The header with the client's address. Each proxy appends the address of its own peer.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The trusted proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    addresses: Vec<IpAddr>,
    names_operator: Option<HeaderName>,
}

/// The client of a request, from the connection and the headers of a trusted proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `None` only without a connection, as in tests.
    pub address: Option<IpAddr>,
    /// The operator that a trusted proxy names.
    pub vouched: Vouched,
}

/// The operator that a trusted proxy names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Vouched {
    /// No header is configured, or the request does not come from a trusted proxy.
    #[default]
    NotAsked,
    /// The header is absent, empty, repeated or not text.
    Nobody,
    Operator(String),
}

/// The client and the principal of a request. The guards put it into the request's extensions.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub client: Client,
    /// `None` without a valid session.
    pub principal: Option<Principal>,
}

impl Visitor {
    /// The address for the audit trail; 0.0.0.0 if unknown.
    pub fn from(&self) -> IpAddr {
        self.client.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl Proxies {
    /// `names_operator` is the header in which these proxies name the operator, if there is one.
    pub fn new(addresses: &[IpAddr], names_operator: Option<HeaderName>) -> Self {
        Self {
            addresses: addresses.iter().map(IpAddr::to_canonical).collect(),
            names_operator,
        }
    }

    /// Whether the peer of the connection is a trusted proxy.
    pub fn believes(&self, extensions: &Extensions) -> bool {
        peer(extensions).is_some_and(|peer| self.addresses.contains(&peer))
    }

    /// The client of a request.
    pub fn client(&self, request: &Parts) -> Client {
        let peer = peer(&request.extensions);
        if !self.believes(&request.extensions) {
            return Client {
                address: peer,
                vouched: Vouched::NotAsked,
            };
        }
        Client {
            address: forwarded_for(&request.headers).or(peer),
            vouched: match &self.names_operator {
                Some(header) => named(&request.headers, header),
                None => Vouched::NotAsked,
            },
        }
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

/// The rightmost address of `X-Forwarded-For`: the peer of the trusted proxy. Clients can forge the addresses before
/// it.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    let address: IpAddr = last.rsplit(',').next()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

fn named(headers: &HeaderMap, header: &HeaderName) -> Vouched {
    let mut values = headers.get_all(header).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(name)), None) if !name.is_empty() => Vouched::Operator(name.to_owned()),
        // A repeated header is ambiguous: one may be from the client.
        _ => Vouched::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let proxies = Proxies {
            addresses: vec!["10.0.0.7".parse().unwrap()],
            names_operator: Some(HeaderName::from_static("x-remote-user")),
        };
        let peer: SocketAddr = peer.parse().unwrap();
        let request = headers
            .iter()
            .fold(Request::get("/"), |request, (name, value)| {
                request.header(*name, *value)
            })
            .extension(ConnectInfo(peer))
            .body(Body::empty());
        proxies.client(&request.unwrap().into_parts().0)
    }

    fn from(address: &str, vouched: Vouched) -> Client {
        Client {
            address: Some(address.parse().unwrap()),
            vouched,
        }
    }

    #[test]
    fn headers_of_a_trusted_proxy_are_used() {
        let ada = || Vouched::Operator("ada".to_owned());
        let both = [("x-forwarded-for", "6.6.6.6, 10.1.1.1"), ("x-remote-user", "ada")];
        for proxy in ["10.0.0.7:1", "[::ffff:10.0.0.7]:1"] {
            assert_eq!(client(proxy, &both), from("10.1.1.1", ada()));
        }
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "10.1.1.2")];
        assert_eq!(client("10.0.0.7:1", &lines), from("10.1.1.2", Vouched::Nobody));
        let spoilt = [("x-forwarded-for", "somewhere"), ("x-remote-user", "")];
        assert_eq!(client("10.0.0.7:1", &spoilt), from("10.0.0.7", Vouched::Nobody));
        let twice = [("x-remote-user", "ada"), ("x-remote-user", "bob")];
        assert_eq!(client("10.0.0.7:1", &twice).vouched, Vouched::Nobody);
    }

    #[test]
    fn headers_of_other_peers_are_ignored() {
        let both = [("x-forwarded-for", "10.1.1.1"), ("x-remote-user", "ada")];
        for other in ["10.0.0.8:1", "127.0.0.1:1"] {
            let address = other.split(':').next().unwrap();
            assert_eq!(client(other, &both), from(address, Vouched::NotAsked));
        }
    }
}
