//! Where a request comes from, and whom a proxy in front says it is from. Only the proxies that were named are believed,
//! by the address that their connection has; from anybody else the same headers are just text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderName, request::Parts},
};

use super::Principal;

/// The header in which proxies name the client's address, each adding that of its own peer at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Which proxies are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    addresses: Vec<IpAddr>,
    names_operator: Option<HeaderName>,
}

/// Who a request is from, as far as the connection tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `None` only where there is no connection, as in tests.
    pub address: Option<IpAddr>,
    /// What a believed proxy says about the operator.
    pub vouched: Vouched,
}

/// What a believed proxy says about the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Vouched {
    /// Nothing is expected from there: no header was agreed on, or the request comes another way.
    #[default]
    NotAsked,
    /// It should name somebody and does not, or not clearly.
    Nobody,
    Operator(String),
}

/// Who a request is from. In the request's extensions, where pages and server functions find it.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub client: Client,
    /// `None`: nobody is signed in.
    pub principal: Option<Principal>,
}

impl Visitor {
    /// The address, for the record.
    pub fn from(&self) -> IpAddr {
        self.client.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl Proxies {
    /// `names_operator`: the header in which these proxies name the operator, if they do.
    pub fn new(addresses: &[IpAddr], names_operator: Option<HeaderName>) -> Self {
        Self {
            addresses: addresses.iter().map(IpAddr::to_canonical).collect(),
            names_operator,
        }
    }

    /// Whether a request comes over one of them.
    pub fn believes(&self, extensions: &Extensions) -> bool {
        peer(extensions).is_some_and(|peer| self.addresses.contains(&peer))
    }

    /// Who a request is from.
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

/// The rightmost address: the one that the believed proxy itself saw. What stands before it is what clients claim.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    let address: IpAddr = last.rsplit(',').next()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

fn named(headers: &HeaderMap, header: &HeaderName) -> Vouched {
    let mut values = headers.get_all(header).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(name)), None) if !name.is_empty() => Vouched::Operator(name.to_owned()),
        // Twice may be once by the client and once by the proxy.
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
    fn a_named_proxy_is_believed() {
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
    fn anybody_else_is_not() {
        let both = [("x-forwarded-for", "10.1.1.1"), ("x-remote-user", "ada")];
        for other in ["10.0.0.8:1", "127.0.0.1:1"] {
            let address = other.split(':').next().unwrap();
            assert_eq!(client(other, &both), from(address, Vouched::NotAsked));
        }
    }
}
