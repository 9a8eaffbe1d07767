// AMSR_EXPORT before a function with a C interface: the only symbols that the libraries show.
#pragma once

#ifdef _WIN32
#define AMSR_EXPORT extern "C" __declspec(dllexport)
#else
#define AMSR_EXPORT extern "C" __attribute__((visibility("default")))
#endif
