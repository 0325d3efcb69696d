#pragma once

#include "shared/sync/frame.hpp"

/// What stores ask of the hub for a till that waits, and its answers: to bytes and back.
namespace perkline::sync {

namespace v1 {
class SpinReserve;
class SpinReserved;
class ClaimRequest;
class ClaimAnswer;
class MemberRequest;
class MemberAnswer;
}  // namespace v1

void write_ask(const SpinReserve& reserve, v1::SpinReserve& out);
void write_ask(const SpinReserved& reserved, v1::SpinReserved& out);
void write_ask(const ClaimRequest& request, v1::ClaimRequest& out);
void write_ask(const ClaimAnswer& answer, v1::ClaimAnswer& out);
void write_ask(const MemberRequest& request, v1::MemberRequest& out);
void write_ask(const MemberAnswer& answer, v1::MemberAnswer& out);

// Errors of all: malformed_answer.
Result<Frame> read_ask(const v1::SpinReserve& wire);
Result<Frame> read_ask(const v1::SpinReserved& wire);
Result<Frame> read_ask(const v1::ClaimRequest& wire);
Result<Frame> read_ask(const v1::ClaimAnswer& wire);
Result<Frame> read_ask(const v1::MemberRequest& wire);
Result<Frame> read_ask(const v1::MemberAnswer& wire);

}  // namespace perkline::sync
