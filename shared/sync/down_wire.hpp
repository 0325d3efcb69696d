#pragma once

#include "shared/sync/frame.hpp"

/// Frames that go down, and what stores tell about them: to bytes and back.
namespace perkline::sync {

namespace v1 {
class Held;
class CatalogueDelta;
class CatalogueSnapshot;
class MemberDelta;
class MemberSnapshot;
class EraseMember;
class Command;
class CommandAnswer;
}  // namespace v1

void write_down(const Held& held, v1::Held& out);
void write_down(const CatalogueDelta& delta, v1::CatalogueDelta& out);
void write_down(const CatalogueSnapshot& snapshot, v1::CatalogueSnapshot& out);
void write_down(const MemberDelta& delta, v1::MemberDelta& out);
void write_down(const EraseMember& erase, v1::EraseMember& out);
void write_down(const Command& command, v1::Command& out);
void write_down(const CommandAnswer& answer, v1::CommandAnswer& out);

/// Part of more than one frame. False: it breaks a rule.
void write_member(const MemberSnapshot& member, v1::MemberSnapshot& out);
bool read_member(const v1::MemberSnapshot& wire, MemberSnapshot& out);

// Errors of all: malformed_answer.
Result<Held> read_down(const v1::Held& wire);
Result<Frame> read_down(const v1::CatalogueDelta& wire);
Result<Frame> read_down(const v1::CatalogueSnapshot& wire);
Result<Frame> read_down(const v1::MemberDelta& wire);
Result<Frame> read_down(const v1::EraseMember& wire);
Result<Frame> read_down(const v1::Command& wire);
Result<Frame> read_down(const v1::CommandAnswer& wire);

}  // namespace perkline::sync
