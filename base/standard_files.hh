// The descriptors 0, 1 and 2.
#pragma once

namespace osb {

// Fills the closed ones among standard input, output and error (`<&- >&- 2>&-`, some supervisors). Otherwise
// the next files that the process opens get these numbers, and messages would be written into them. Reading
// and writing to what stands there then fails, as with a closed descriptor; only messages to standard error
// are lost. Call it first in main(). Returns false if it cannot.
bool fill_standard_files() noexcept;

}  // namespace osb
