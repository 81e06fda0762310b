// Detached metadata of commits for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ostree/objects/glib.hh"

namespace osb::test {

// {KEY: [BYTE STRINGS]}, serialised.
inline std::string detached_lists(const std::map<std::string, std::vector<std::string>>& lists) {
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    for (const auto& [key, strings] : lists) {
        GVariantBuilder list;
        g_variant_builder_init(&list, G_VARIANT_TYPE_BYTESTRING_ARRAY);
        for (const std::string& one : strings)
            g_variant_builder_add_value(&list, ostree::byte_array(as_bytes(one)));
        g_variant_builder_add(&dict, "{sv}", key.c_str(), g_variant_builder_end(&list));
    }
    const ostree::GVariantPtr out = ostree::take(g_variant_builder_end(&dict));
    return std::string(as_text(ostree::bytes_of(out.get())));
}

// {KEY: VALUE}, where the value is a string.
inline std::string detached_text(const std::string& key, const std::string& value) {
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&dict, "{sv}", key.c_str(), g_variant_new_string(value.c_str()));
    const ostree::GVariantPtr out = ostree::take(g_variant_builder_end(&dict));
    return std::string(as_text(ostree::bytes_of(out.get())));
}

}  // namespace osb::test
