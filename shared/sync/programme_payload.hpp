#pragma once

#include "shared/sync/event.hpp"

/// Payloads about prizes and promotions; event_payload puts them among the others.
namespace perkline::sync {

namespace v1 {
class SpinDrawn;
class PromotionClaimed;
class LeaseReturned;
class SpinDropped;
}  // namespace v1

void write_programme(const SpinDrawn& drawn, v1::SpinDrawn& wire);
void write_programme(const PromotionClaimed& claimed, v1::PromotionClaimed& wire);
void write_programme(const LeaseReturned& returned, v1::LeaseReturned& wire);
void write_programme(const SpinDropped& dropped, v1::SpinDropped& wire);

// Errors of all: malformed_answer.
Result<SpinDrawn> read_programme(const v1::SpinDrawn& wire);
Result<PromotionClaimed> read_programme(const v1::PromotionClaimed& wire);
Result<LeaseReturned> read_programme(const v1::LeaseReturned& wire);
Result<SpinDropped> read_programme(const v1::SpinDropped& wire);

}  // namespace perkline::sync
