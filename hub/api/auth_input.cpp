#include "hub/api/auth_input.hpp"

#include <algorithm>

#include "hub/api/patch.hpp"
#include "hub/identity/ascii.hpp"
#include "hub/identity/password.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

using identity::NewMember;
using identity::NewStaff;
using json::Fields;
using json::Value;

/// RFC 5321 §4.5.3.1.3; a mobile number is shorter.
constexpr std::size_t login_bytes_max = 254;
constexpr std::string_view no_email = "is no e-mail address";
constexpr std::string_view no_mobile = "must be + and 7 to 15 digits, as in E.164";

/// Any characters at all, so not by Fields' rule for texts.
std::string password_in(const Value& root, Fields& fields, std::string_view name = "password") {
  if (!root.is(Value::Kind::object)) return {};  // Told by Fields.
  const Value* value = root.find(name);
  if (value == nullptr || value->is(Value::Kind::null)) {
    fields.fault(name, "is required");
  } else if (!value->is(Value::Kind::string) || value->text().empty() ||
             value->text().size() > identity::password_bytes_max) {
    fields.fault(name, "must be a string of 1 to " + std::to_string(identity::password_bytes_max) + " bytes");
  } else {
    return std::string(value->text());
  }
  return {};
}

/// One that is to be kept.
std::string new_password_in(const Value& root, Fields& fields, std::string_view name = "password") {
  const std::size_t faults_before = fields.fault_count();
  std::string password = password_in(root, fields, name);
  if (fields.fault_count() > faults_before) return {};
  if (auto checked = identity::check_password(password); !checked)
    fields.fault(name, std::move(checked.error().detail));
  return password;
}

std::optional<std::string> email_in(Fields& fields) {
  auto email = fields.optional_text("email", {.bytes_min = 1, .bytes_max = login_bytes_max});
  if (email && !identity::email_key(*email)) fields.fault("email", std::string(no_email));
  return email;
}

std::optional<std::string> mobile_in(Fields& fields) {
  auto mobile = fields.optional_text("mobile");
  if (mobile && !identity::is_mobile(*mobile)) fields.fault("mobile", std::string(no_mobile));
  return mobile;
}

std::string name_in(Fields& fields) {
  return fields.optional_text("name", {.bytes_min = 0}).value_or("");
}

std::optional<std::string> referral_code_in(Fields& fields) {
  constexpr std::size_t bytes_max = 32;
  auto code = fields.optional_text("referralCode", {.bytes_min = 1, .bytes_max = bytes_max});
  // People copy it by hand.
  if (code)
    std::ranges::transform(*code, code->begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
  return code;
}

template <class Kind>
std::optional<Id<Kind>> optional_id(Fields& fields, std::string_view name) {
  return fields.optional_id(name).transform([](const std::string& text) { return Id<Kind>(text); });
}

/// Absent: nullopt; null: an inner nullopt.
std::optional<std::optional<std::string>> change_of(const Value& root, std::string_view name,
                                                    std::optional<std::string> read) {
  if (root.find(name) == nullptr) return std::nullopt;
  return read;
}

}  // namespace

Result<LoginBody> read_login(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value& root) {
    return LoginBody{.login = fields.required_text("login", {.bytes_min = 1, .bytes_max = login_bytes_max}),
                     .password = password_in(root, fields)};
  });
}

Result<NewMember> read_new_member(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value& root) {
    const bool is_object = root.is(Value::Kind::object);
    const std::size_t faults_before = fields.fault_count();
    NewMember member{.email = email_in(fields),
                     .mobile = mobile_in(fields),
                     .password = {},
                     .name = {},
                     .referral_code = referral_code_in(fields),
                     .loyalty_id = optional_id<struct CustomerKind>(fields, "loyaltyId"),
                     .receipt = optional_id<struct ReceiptKind>(fields, "receiptId")};
    if (is_object && fields.fault_count() == faults_before && !member.email && !member.mobile)
      fields.fault("email", "is required, or mobile");
    if (member.receipt && !member.loyalty_id) fields.fault("loyaltyId", "is required with receiptId");
    member.password = new_password_in(root, fields);
    member.name = name_in(fields);
    return member;
  });
}

Result<NewStaff> read_new_staff(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value& root) {
    NewStaff staff{.email = email_in(fields).value_or(""),
                   .password = new_password_in(root, fields),
                   .name = name_in(fields),
                   .role = identity::Role::staff};
    const Value* email = root.find("email");
    const bool is_absent = email == nullptr || email->is(Value::Kind::null);
    if (root.is(Value::Kind::object) && is_absent) fields.fault("email", "is required");
    if (const auto name = fields.optional_text("role")) {
      const auto role = identity::find_role(*name);
      if (!role || *role == identity::Role::member) fields.fault("role", "must be staff or admin");
      staff.role = role.value_or(staff.role);
    }
    return staff;
  });
}

Result<identity::ProfileChange> read_profile_change(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value& root) {
    const std::size_t faults_before = fields.fault_count();
    identity::ProfileChange change{.name = fields.optional_text("name", {.bytes_min = 0}),
                                   .email = change_of(root, "email", email_in(fields)),
                                   .mobile = change_of(root, "mobile", mobile_in(fields))};
    refuse_nulls(fields, root, {"name"});
    if (fields.fault_count() == faults_before && !change.name && !change.email && !change.mobile &&
        root.is(Value::Kind::object))
      fields.fault("name", "is required, or email, or mobile");
    return change;
  });
}

Result<PasswordBody> read_password_change(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value& root) {
    return PasswordBody{.current = password_in(root, fields, "currentPassword"),
                        .fresh = new_password_in(root, fields, "newPassword")};
  });
}

Result<identity::Account::Card> read_card(const std::string& body) {
  return json::read_body(body, [](Fields& fields, const Value&) {
    return identity::Account::Card{.id = CustomerId(fields.required_id("loyaltyId")),
                                   .receipt = optional_id<struct ReceiptKind>(fields, "receiptId")};
  });
}

}  // namespace perkline::hub::api
