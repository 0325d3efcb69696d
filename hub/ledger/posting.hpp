#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "hub/ledger/account_book.hpp"

/// How transfers are written down: what posting, holding, capturing, reversing and lapsing share.
namespace perkline::hub::ledger {

enum class As : std::uint8_t { posted, pending };

/// What a posted transfer is of, by sequence.
struct Links {
  std::optional<std::int64_t> pending_of = std::nullopt;  ///< The hold it captures.
  std::optional<std::int64_t> reverses = std::nullopt;
  std::optional<std::int64_t> lapses = std::nullopt;  ///< The credit whose lot this takes.
  bool operator==(const Links&) const = default;
};

/// The sequences of those that are new, by external id.
using NewTransfers = std::unordered_map<std::string, std::int64_t>;

/// Inserts the transfers whose external ids are free. Errors: the database's.
Result<NewTransfers> insert_new(db::Transaction& transaction, std::span<const Transfer> transfers,
                                AccountBook& book, As as, const Links& links = {});

/// Whether what is there under the external id is this very transfer, written down likewise; a pending one
/// may have been captured or released since. Errors: already_exists, the database's.
Result<void> must_be_known(db::Transaction& transaction, const Transfer& transfer, AccountBook& book, As as,
                           const Links& links = {});

/// Posts the transfers over a book that holds their accounts, and saves it. As post_all; gives how many were
/// new.
Result<std::size_t> post_over(db::Transaction& transaction, std::span<const Transfer> transfers,
                              AccountBook& book, const Links& links = {});

}  // namespace perkline::hub::ledger
