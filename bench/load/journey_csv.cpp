#include "bench/load/journey_csv.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <unordered_map>

#include <zlib.h>

#include "shared/core/limits.hpp"

namespace perkline::bench {
namespace {

constexpr std::size_t line_bytes_max = 64 * limits::kib;

/// Lines of a plain or gzip file (zlib reads both).
class LineReader {
 public:
  explicit LineReader(const std::string& path) : file_(gzopen(path.c_str(), "rb"), &gzclose) {}
  bool opened() const { return file_ != nullptr; }

  /// The next line without its end; nullopt at the end of the file.
  std::optional<std::string> next() {
    std::string line;
    std::array<char, 4096> piece{};
    while (line.size() < line_bytes_max && gzgets(file_.get(), piece.data(), piece.size()) != nullptr) {
      line += piece.data();
      if (line.ends_with('\n')) break;
    }
    if (line.empty()) return std::nullopt;
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    return line;
  }

  /// Whether reading ended for another reason than the file's end.
  bool broken() const {
    int code = Z_OK;
    gzerror(file_.get(), &code);
    return code != Z_OK && code != Z_STREAM_END;
  }

 private:
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file_;
};

/// Splits by RFC 4180, without line breaks inside quotes.
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back().push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back().push_back(c);
    }
  }
  return cells;
}

struct Columns {
  std::size_t household = 0;
  std::size_t store = 0;
  std::size_t basket = 0;
  std::size_t product = 0;
  std::size_t quantity = 0;
  std::size_t value = 0;
  std::size_t count = 0;
};

Result<Columns> find_columns(const std::vector<std::string>& header) {
  std::vector<FieldFault> faults;
  const auto find = [&](std::string_view name) {
    const auto found = std::ranges::find(header, name);
    if (found == header.end()) faults.push_back({std::string(name), "column is missing"});
    return static_cast<std::size_t>(found - header.begin());
  };
  Columns columns{.household = find("household_id"),
                  .store = find("store_id"),
                  .basket = find("basket_id"),
                  .product = find("product_id"),
                  .quantity = find("quantity"),
                  .value = find("sales_value"),
                  .count = header.size()};
  if (!faults.empty()) {
    return fail(Error{
        .code = Errc::validation_failed, .detail = "not a file of receipts", .faults = std::move(faults)});
  }
  return columns;
}

bool is_number(std::string_view text, std::size_t digits_max) {
  return !text.empty() && text.size() <= digits_max &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string customer_of(const std::string& household) {
  return "CUST-" + std::string(household.size() < 5 ? 5 - household.size() : 0, '0') + household;
}

/// The line, or why it cannot be sold.
std::expected<BasketLine, std::string> read_line(const std::vector<std::string>& cells,
                                                 const Columns& columns, Currency currency) {
  const std::string& product = cells[columns.product];
  if (product.empty() || product.size() > limits::id_bytes_max)
    return std::unexpected("product_id missing or too long");
  const std::string& quantity_text = cells[columns.quantity];
  const auto quantity = parse_quantity(quantity_text);
  if (!quantity)
    return std::unexpected("quantity " + (quantity_text == "0" ? quantity_text : "not a quantity"));
  const std::string& value_text = cells[columns.value];
  const auto paid = parse_amount(value_text, currency);
  if (!paid) return std::unexpected("sales_value not an amount (such as " + value_text.substr(0, 20) + ")");
  if (paid->minor == 0) return std::unexpected("sales_value 0");
  return BasketLine{
      .sku = product, .quantity = *quantity, .paid = *paid, .unit_price = unit_price_of(*paid, *quantity)};
}

}  // namespace

std::optional<Money> unit_price_of(const Money& paid, Quantity quantity) {
  if (quantity.thousandths <= 0 || paid.minor * 1000 % quantity.thousandths != 0) return std::nullopt;
  return Money{paid.minor * 1000 / quantity.thousandths, paid.currency};
}

Result<JourneyFile> read_journey(const std::string& path) {
  LineReader reader(path);
  if (!reader.opened()) return fail(Errc::io_failed, path + " cannot be read");
  const auto header = reader.next();
  if (!header) return fail(Errc::io_failed, path + " is empty");
  const auto columns = find_columns(split(*header));
  if (!columns) return std::unexpected(columns.error());

  const Currency currency = find_currency("USD").value();
  JourneyFile file;
  std::unordered_map<std::string, std::size_t> places;  // basket id → its place in `all`
  std::vector<Basket> all;
  while (const auto line = reader.next()) {
    ++file.lines_read;
    const auto cells = split(*line);
    if (cells.size() != columns->count) {
      ++file.lines_skipped["wrong number of columns"];
      continue;
    }
    const std::string& household = cells[columns->household];
    const std::string& basket = cells[columns->basket];
    if (!is_number(household, 9) || basket.empty() || basket.size() > limits::id_bytes_max) {
      ++file.lines_skipped["household_id or basket_id missing or malformed"];
      continue;
    }
    const auto [place, is_new] = places.try_emplace(basket, all.size());
    if (is_new) {
      all.push_back({.transaction = TransactionId(basket),
                     .customer = CustomerId(customer_of(household)),
                     .store = cells[columns->store],
                     .lines = {}});
    }
    auto read = read_line(cells, *columns, currency);
    if (!read) {
      ++file.lines_skipped[read.error()];
      continue;
    }
    all[place->second].lines.push_back(std::move(*read));
  }
  if (reader.broken()) return fail(Errc::io_failed, path + " is damaged");

  file.baskets_read = all.size();
  for (Basket& basket : all) {
    if (basket.lines.empty()) {
      ++file.baskets_skipped["no usable line"];
    } else if (basket.lines.size() > limits::basket_items_max) {
      ++file.baskets_skipped["more than " + std::to_string(limits::basket_items_max) + " lines"];
    } else {
      file.lines_used += basket.lines.size();
      file.baskets.push_back(std::move(basket));
    }
  }
  return file;
}

}  // namespace perkline::bench
