// What `upgrade --check` has found, for people and for programs (docs/json.md).
#pragma once

#include <string>

#include "base/error.hh"
#include "cli/json_output.hh"
#include "system/update_check.hh"

namespace osb::cli {

OrderedJson check_to_json(const system::UpdateCheck& check);
// Lines, with what came from outside escaped.
std::string describe_check(const system::UpdateCheck& check);

// The Error{nothing_new} of a check that found nothing, or what upgrade refuses.
Error nothing_new(const system::UpdateCheck& check);

}  // namespace osb::cli
