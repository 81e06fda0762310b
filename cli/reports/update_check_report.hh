// The output of `upgrade --check`, for people and for programs (docs/json.md).
#pragma once

#include <string>

#include "system/upgrade/update_check.hh"

namespace osb::cli {

// The JSON document, in the format of to_document().
std::string check_document(const system::UpdateCheck& check);
// Lines for people. External text is escaped.
std::string describe_check(const system::UpdateCheck& check);

}  // namespace osb::cli
