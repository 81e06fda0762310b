// Owned objects of GLib and libostree. Private to this folder: no public header includes it.
#pragma once

#include <gio/gio.h>
#include <glib-object.h>
#include <glib.h>
#include <ostree.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"

namespace osb::ostree {

struct GObjectDeleter {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};
struct GFreeDeleter {
    void operator()(void* memory) const noexcept { g_free(memory); }
};
struct GVariantDeleter {
    void operator()(GVariant* variant) const noexcept { g_variant_unref(variant); }
};
struct GErrorDeleter {
    void operator()(GError* error) const noexcept { g_error_free(error); }
};
struct GHashTableDeleter {
    void operator()(GHashTable* table) const noexcept { g_hash_table_unref(table); }
};
struct GStringListDeleter {
    void operator()(char** list) const noexcept { g_strfreev(list); }
};
struct GKeyFileDeleter {
    void operator()(GKeyFile* file) const noexcept { g_key_file_unref(file); }
};

template<typename T>
using GObjectPtr = std::unique_ptr<T, GObjectDeleter>;
using GStringPtr = std::unique_ptr<char, GFreeDeleter>;
using GVariantPtr = std::unique_ptr<GVariant, GVariantDeleter>;
using GHashTablePtr = std::unique_ptr<GHashTable, GHashTableDeleter>;
using GKeyFilePtr = std::unique_ptr<GKeyFile, GKeyFileDeleter>;

// Takes ownership of a floating or full reference.
inline GVariantPtr take(GVariant* variant) {
    return GVariantPtr(g_variant_take_ref(variant));
}

inline ByteView bytes_of(GVariant* variant) {
    return {static_cast<const std::uint8_t*>(g_variant_get_data(variant)), g_variant_get_size(variant)};
}

// A variant of type `type` over a copy of `bytes`. trusted: the bytes are known to be in normal form.
GVariantPtr variant_from_bytes(const GVariantType* type, ByteView bytes, bool trusted);

// Returns a floating `ay` with these bytes, without a terminating NUL.
GVariant* byte_array(ByteView bytes);

// The bytes of an `ay`. The view is valid during the lifetime of the variant.
ByteView view_byte_array(GVariant* variant);

// The checksum in an `ay`. Throws Error{invalid} for another length.
Sha256 checksum_of(GVariant* bytes);

// The string under `key` in an a{sv}, "" if there is none.
std::string lookup_string(GVariant* dict, const char* key);
// The strings under `key` in an a{sv}, empty if there are none.
std::vector<std::string> lookup_strings(GVariant* dict, const char* key);

// Throws Error{invalid} for malformed text.
GKeyFilePtr parse_key_file(std::string_view text);
std::string key_file_text(GKeyFile* file);

// Receives the error of a GLib call. check() converts it to an Error.
class GErrorSlot {
  public:
    GErrorSlot() = default;
    GErrorSlot(const GErrorSlot&) = delete;
    GErrorSlot& operator=(const GErrorSlot&) = delete;
    ~GErrorSlot() { g_clear_error(&error_); }

    GError** out() noexcept {
        g_clear_error(&error_);
        return &error_;
    }
    bool is_set() const noexcept { return error_ != nullptr; }
    bool matches(GQuark domain, int code) const noexcept {
        return g_error_matches(error_, domain, code) != 0;
    }
    // Throws the error as "WHAT: message". Its code selects no_space, not_found, invalid (of a key file) or
    // io.
    [[noreturn]] void raise(std::string_view what) const;
    // Calls raise() unless ok.
    void check(bool ok, std::string_view what) const {
        if (!ok) raise(what);
    }

  private:
    GError* error_ = nullptr;
};

}  // namespace osb::ostree
