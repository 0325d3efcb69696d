#pragma once

#include <string>
#include <string_view>

#include "shared/core/result.hpp"

/// Stored values: a byte that numbers the format, then a Protobuf message.
namespace perkline::edge::journal {

template <class Message>
std::string with_format(unsigned char format, const Message& message) {
  std::string record(1, static_cast<char>(format));
  message.AppendToString(&record);
  return record;
}

/// Errors: newer_format (written by a version that knows more formats than up to `newest`), corrupt.
template <class Message>
Result<Message> without_format(unsigned char newest, std::string_view record) {
  const unsigned char format = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  if (format == 0) return fail(Errc::corrupt, "a record without a format");
  if (format > newest) return fail(Errc::newer_format, "a record of a newer version");
  const std::string_view body = record.substr(1);
  Message message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return fail(Errc::corrupt, "a record that is none");
  return message;
}

}  // namespace perkline::edge::journal
