// The man pages osb-oci(1) and osb-oci-VERB(1), made from the tables of the verbs: roff for man(7), as groff
// and mandoc read it.
#pragma once

#include <string>
#include <string_view>

#include "cli/options/verb.hh"

namespace osb::cli {

// `text` as roff that shows just that: no character in it starts a request or an escape, and '-' is the one
// of the command line. For one line of input.
std::string roff_line(std::string_view text);

// osb-oci(1).
std::string program_manual();

// osb-oci-VERB(1). The same bytes at each call.
std::string verb_manual(const VerbEntry& entry);

}  // namespace osb::cli
