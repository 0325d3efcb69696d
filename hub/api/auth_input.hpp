#pragma once

#include <string>

#include "hub/identity/account.hpp"
#include "hub/identity/registration.hpp"
#include "shared/core/result.hpp"

/// What people send to /auth, read and held to its rules. Errors of all: malformed_json, validation_failed
/// with every fault. Pure.
namespace perkline::hub::api {

struct LoginBody {
  std::string login;
  std::string password;
};
Result<LoginBody> read_login(const std::string& body);

Result<identity::NewMember> read_new_member(const std::string& body);
Result<identity::NewStaff> read_new_staff(const std::string& body);
Result<identity::ProfileChange> read_profile_change(const std::string& body);

struct PasswordBody {
  std::string current;
  std::string fresh;
};
Result<PasswordBody> read_password_change(const std::string& body);

Result<identity::Account::Card> read_card(const std::string& body);

}  // namespace perkline::hub::api
