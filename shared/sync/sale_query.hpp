#pragma once

#include "shared/sync/frame.hpp"

namespace perkline::sync {

namespace v1 {
class SaleQuery;
class SaleAnswer;
}  // namespace v1

void write_sale_query(const SaleQuery& query, v1::SaleQuery& out);
void write_sale_answer(const SaleAnswer& answer, v1::SaleAnswer& out);

/// Errors: malformed_answer.
Result<Frame> read_sale_query(const v1::SaleQuery& wire);
Result<Frame> read_sale_answer(const v1::SaleAnswer& wire);

}  // namespace perkline::sync
