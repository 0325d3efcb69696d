#pragma once

#include "pdi_client/sandbox/books.hpp"
#include "shared/net/http.hpp"

/// PDI's HTTP API over its books: bodies read, answers and refusals (`{code, message}`) written. No I/O.
namespace perkline::pdi::sandbox {

net::Response identify(Books& books, const net::Request& request);
net::Response calculate_rewards(Books& books, const net::Request& request);
net::Response finalize(Books& books, const net::Request& request);
net::Response session_status(Books& books, const net::Request& request);

/// For whoever tests against the sandbox: every booking, in order; one member (404 when there is none).
net::Response ledger(Books& books, const net::Request& request);
net::Response member(Books& books, const net::Request& request);

net::Response refused(const Refusal& refusal);

}  // namespace perkline::pdi::sandbox
