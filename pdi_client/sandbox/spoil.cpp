#include "pdi_client/sandbox/spoil.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"

namespace perkline::pdi::sandbox {
namespace {

/// A member of the answer and what stands there instead.
struct Lie {
  std::string_view member;
  std::string_view value;
};

constexpr std::array identify_lies{Lie{"currentPoints", "-1"}, Lie{"currentPoints", "450.5"},
                                   Lie{"currentPoints", "1000000000001"}, Lie{"currentPoints", "\"450\""},
                                   Lie{"currentPoints", "null"}};
constexpr std::array calculate_lies{Lie{"earnedPoints", "-1"}, Lie{"earnedPoints", "450.5"},
                                    Lie{"earnedPoints", "1000000000001"}, Lie{"earnedPoints", "\"450\""},
                                    Lie{"earnedPoints", "null"}};
constexpr std::array finalize_lies{Lie{"earnedPoints", "-1"},      Lie{"newBalance", "450.5"},
                                   Lie{"newBalance", "1e15"},      Lie{"earnedPoints", "\"450\""},
                                   Lie{"newBalance", "null"},      Lie{"sessionId", "\"another\""},
                                   Lie{"status", "\"calculated\""}};
constexpr std::array status_lies{Lie{"sessionId", "\"another\""}, Lie{"status", "\"perhaps\""},
                                 Lie{"status", "null"}};
constexpr std::array token_lies{Lie{"access_token", "7"}, Lie{"access_token", "\"\""},
                                Lie{"access_token", "null"}};

std::span<const Lie> lies_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::identify:
      return identify_lies;
    case Endpoint::calculate:
      return calculate_lies;
    case Endpoint::finalize:
      return finalize_lies;
    case Endpoint::status:
      return status_lies;
    case Endpoint::token:
      return token_lies;
  }
  return {};
}

/// `body` as our own writer makes it, flat and without spaces.
std::string with_lie(std::string body, const Lie& lie) {
  const std::string name = '"' + std::string(lie.member) + "\":";
  const std::size_t found = body.find(name);
  PERKLINE_ASSERT(found != std::string::npos);
  const std::size_t begin = found + name.size();
  const bool text = body[begin] == '"';
  const std::size_t end = text ? body.find('"', begin + 1) + 1 : body.find_first_of(",}", begin);
  return body.replace(begin, end - begin, lie.value);
}

constexpr std::size_t general_ways = 6;

}  // namespace

std::size_t spoilings(Endpoint endpoint) {
  return general_ways + lies_of(endpoint).size();
}

std::string spoil(Endpoint endpoint, const std::string& body, std::size_t turn) {
  switch (turn % spoilings(endpoint)) {
    case 0:
      return body.substr(0, body.size() / 2);
    case 1:
      return {};
    case 2:
      return "<html><body>Service</body></html>";
    case 3:
      return "[" + body + "]";
    case 4:
      return "{}";
    case 5:
      return body + std::string(limits::pdi_answer_bytes_max + 1, ' ');
    default:
      return with_lie(body, lies_of(endpoint)[turn % spoilings(endpoint) - general_ways]);
  }
}

}  // namespace perkline::pdi::sandbox
