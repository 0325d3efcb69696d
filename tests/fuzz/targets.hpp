#pragma once

#include <string_view>

/// What libFuzzer feeds, and the replay of the corpora. Each takes any bytes, lets the production code read
/// them, and asserts what must hold of whatever comes of it. Deterministic; leaves nothing behind.
namespace perkline::fuzz {

void config_file(std::string_view input);
void http_head(std::string_view input);
void journal_record(std::string_view input);
void jwt(std::string_view input);
void pdi_answer(std::string_view input);
void retry_after(std::string_view input);
void session_machine(std::string_view input);
void sync_frame(std::string_view input);
void till_request(std::string_view input);
void token_answer(std::string_view input);
void web_socket_request(std::string_view input);

}  // namespace perkline::fuzz
