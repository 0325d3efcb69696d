#pragma once

#include <string>

#include "edge/session/session.hpp"
#include "shared/rules/receipt.hpp"

/// The bodies that tills get (contract.md §5). They are made where they are journalled, because a replay
/// gives the same bytes again.
namespace perkline::edge::session {

std::string render_identified(const Session& session);
/// `redeemable`: the most points this member could spend now.
std::string render_rewards(const pdi::Rewards& rewards, Points redeemable);
/// What the receipt tells of a sale.
rules::ReceiptFacts receipt_facts(const Session& session, bool provisional);
std::string render_finalized(const Session& session, const rules::ReceiptForm& receipt);
/// Of a sale that awaits PDI or a person: status 202.
Answer pending_answer(const Session& session);
/// Of a sale that PDI has refused, or that a person closed: status 400, problem+json.
Answer refusal_answer(const Session& session);
/// Status 202 until it is worked out, here or at the hub.
Answer return_answer(const Return& goods);
std::string render_status(const Session& session);

}  // namespace perkline::edge::session
