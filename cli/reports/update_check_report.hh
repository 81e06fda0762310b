// What `upgrade --check` has found, for people and for programs (docs/json.md).
#pragma once

#include <string>

#include "system/upgrade/update_check.hh"

namespace osb::cli {

// The JSON document, as to_document() writes it.
std::string check_document(const system::UpdateCheck& check);
// Lines, with what came from outside escaped.
std::string describe_check(const system::UpdateCheck& check);

}  // namespace osb::cli
