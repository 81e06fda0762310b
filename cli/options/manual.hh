// The man pages osb-oci(1) and osb-oci-VERB(1), generated from the tables of the verbs: roff with the macros
// of man(7), for groff and mandoc.
#pragma once

#include <string>
#include <string_view>

#include "cli/options/verb.hh"

namespace osb::cli {

// Escapes one line of `text` for roff: no character starts a request or an escape, and '-' is printed as the
// hyphen of the command line.
std::string roff_line(std::string_view text);

// osb-oci(1).
std::string program_manual();

// osb-oci-VERB(1). Deterministic.
std::string verb_manual(const VerbEntry& entry);

}  // namespace osb::cli
