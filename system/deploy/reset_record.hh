// The record of a factory reset that is under way: SYSROOT/ostree/osb-oci/factory-reset.json. It exists from
// before the new stateroot is made until one of the two stateroots is removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace osb::system {

struct ResetRecord {
    std::string from;       // the stateroot that is left
    std::string to;         // the new one
    bool is_tried = false;  // the new system becomes the default only by a trial
    std::int64_t time = 0;  // when the reset began, in seconds since 1970

    bool concerns(const std::string& stateroot) const { return stateroot == from || stateroot == to; }
};

// Reads the record; nothing if no reset is under way. A malformed record counts as missing, with a warning.
// Needs no privileges. Throws Error{io}.
std::optional<ResetRecord> read_reset(const std::string& sysroot);

// The sysroot must be locked for the functions below. Both are durable, atomic and idempotent. Throw
// Error{io, no_space}.
void write_reset(const std::string& sysroot, const ResetRecord& record);
void remove_reset(const std::string& sysroot);

// Returns the name of the stateroot that reset number `number` of a machine makes: "NAME-reset-NUMBER".
// `present` is the present stateroot, which may be one of an earlier reset. Cuts a NAME that is too long.
std::string reset_name(const std::string& present, unsigned number);
// Returns the number in a name that reset_name() made; 0 for any other name.
unsigned reset_number(const std::string& stateroot);

}  // namespace osb::system
