/* SPDX-License-Identifier: MIT */
/*
 * Cryptography Next Generation as drivers link it (cng.lib, ksecdd.lib): hashes, symmetric ciphers,
 * signatures, random numbers.
 */
#ifndef OPENFLT_DDK_BCRYPT_H
#define OPENFLT_DDK_BCRYPT_H

#include <ntdef.h>

NT_BEGIN_C

#ifndef WINAPI
#define WINAPI NTAPI
#endif

#ifndef BCRYPT_SUCCESS
#define BCRYPT_SUCCESS(Status) (((NTSTATUS)(Status)) >= 0)
#endif

typedef PVOID BCRYPT_HANDLE;
typedef PVOID BCRYPT_ALG_HANDLE;
typedef PVOID BCRYPT_KEY_HANDLE;
typedef PVOID BCRYPT_HASH_HANDLE;
typedef PVOID BCRYPT_SECRET_HANDLE;

/* Algorithms, by name. */
#define BCRYPT_RSA_ALGORITHM         L"RSA"
#define BCRYPT_RSA_SIGN_ALGORITHM    L"RSA_SIGN"
#define BCRYPT_DH_ALGORITHM          L"DH"
#define BCRYPT_DSA_ALGORITHM         L"DSA"
#define BCRYPT_RC4_ALGORITHM         L"RC4"
#define BCRYPT_AES_ALGORITHM         L"AES"
#define BCRYPT_XTS_AES_ALGORITHM     L"XTS-AES"
#define BCRYPT_DES_ALGORITHM         L"DES"
#define BCRYPT_3DES_ALGORITHM        L"3DES"
#define BCRYPT_3DES_112_ALGORITHM    L"3DES_112"
#define BCRYPT_MD4_ALGORITHM         L"MD4"
#define BCRYPT_MD5_ALGORITHM         L"MD5"
#define BCRYPT_SHA1_ALGORITHM        L"SHA1"
#define BCRYPT_SHA256_ALGORITHM      L"SHA256"
#define BCRYPT_SHA384_ALGORITHM      L"SHA384"
#define BCRYPT_SHA512_ALGORITHM      L"SHA512"
#define BCRYPT_AES_GMAC_ALGORITHM    L"AES-GMAC"
#define BCRYPT_AES_CMAC_ALGORITHM    L"AES-CMAC"
#define BCRYPT_ECDSA_P256_ALGORITHM  L"ECDSA_P256"
#define BCRYPT_ECDSA_P384_ALGORITHM  L"ECDSA_P384"
#define BCRYPT_ECDSA_P521_ALGORITHM  L"ECDSA_P521"
#define BCRYPT_ECDH_P256_ALGORITHM   L"ECDH_P256"
#define BCRYPT_ECDH_P384_ALGORITHM   L"ECDH_P384"
#define BCRYPT_ECDH_P521_ALGORITHM   L"ECDH_P521"
#define BCRYPT_RNG_ALGORITHM         L"RNG"
#define BCRYPT_PBKDF2_ALGORITHM      L"PBKDF2"

#define MS_PRIMITIVE_PROVIDER        L"Microsoft Primitive Provider"

/* Properties of algorithms, keys and hashes. */
#define BCRYPT_OBJECT_LENGTH         L"ObjectLength"
#define BCRYPT_ALGORITHM_NAME        L"AlgorithmName"
#define BCRYPT_PROVIDER_HANDLE       L"ProviderHandle"
#define BCRYPT_CHAINING_MODE         L"ChainingMode"
#define BCRYPT_BLOCK_LENGTH          L"BlockLength"
#define BCRYPT_KEY_LENGTH            L"KeyLength"
#define BCRYPT_KEY_OBJECT_LENGTH     L"KeyObjectLength"
#define BCRYPT_KEY_STRENGTH          L"KeyStrength"
#define BCRYPT_KEY_LENGTHS           L"KeyLengths"
#define BCRYPT_BLOCK_SIZE_LIST       L"BlockSizeList"
#define BCRYPT_EFFECTIVE_KEY_LENGTH  L"EffectiveKeyLength"
#define BCRYPT_HASH_LENGTH           L"HashDigestLength"
#define BCRYPT_HASH_OID_LIST         L"HashOIDList"
#define BCRYPT_PADDING_SCHEMES       L"PaddingSchemes"
#define BCRYPT_SIGNATURE_LENGTH      L"SignatureLength"
#define BCRYPT_HASH_BLOCK_LENGTH     L"HashBlockLength"
#define BCRYPT_AUTH_TAG_LENGTH       L"AuthTagLength"
#define BCRYPT_INITIALIZATION_VECTOR L"IV"
#define BCRYPT_MULTI_OBJECT_LENGTH   L"MultiObjectLength"

#define BCRYPT_CHAIN_MODE_NA         L"ChainingModeN/A"
#define BCRYPT_CHAIN_MODE_CBC        L"ChainingModeCBC"
#define BCRYPT_CHAIN_MODE_ECB        L"ChainingModeECB"
#define BCRYPT_CHAIN_MODE_CFB        L"ChainingModeCFB"
#define BCRYPT_CHAIN_MODE_CCM        L"ChainingModeCCM"
#define BCRYPT_CHAIN_MODE_GCM        L"ChainingModeGCM"

/* Key blobs: names of the formats, magic numbers, headers. */
#define BCRYPT_OPAQUE_KEY_BLOB       L"OpaqueKeyBlob"
#define BCRYPT_KEY_DATA_BLOB         L"KeyDataBlob"
#define BCRYPT_AES_WRAP_KEY_BLOB     L"Rfc3565KeyWrapBlob"
#define BCRYPT_PUBLIC_KEY_BLOB       L"PUBLICBLOB"
#define BCRYPT_PRIVATE_KEY_BLOB      L"PRIVATEBLOB"
#define BCRYPT_RSAPUBLIC_BLOB        L"RSAPUBLICBLOB"
#define BCRYPT_RSAPRIVATE_BLOB       L"RSAPRIVATEBLOB"
#define BCRYPT_RSAFULLPRIVATE_BLOB   L"RSAFULLPRIVATEBLOB"
#define BCRYPT_ECCPUBLIC_BLOB        L"ECCPUBLICBLOB"
#define BCRYPT_ECCPRIVATE_BLOB       L"ECCPRIVATEBLOB"

#define BCRYPT_KEY_DATA_BLOB_MAGIC         0x4D42444B /* KDBM */
#define BCRYPT_KEY_DATA_BLOB_VERSION1      0x1
#define BCRYPT_RSAPUBLIC_MAGIC             0x31415352 /* RSA1 */
#define BCRYPT_RSAPRIVATE_MAGIC            0x32415352 /* RSA2 */
#define BCRYPT_RSAFULLPRIVATE_MAGIC        0x33415352 /* RSA3 */
#define BCRYPT_ECDH_PUBLIC_P256_MAGIC      0x314B4345 /* ECK1 */
#define BCRYPT_ECDH_PRIVATE_P256_MAGIC     0x324B4345 /* ECK2 */
#define BCRYPT_ECDSA_PUBLIC_P256_MAGIC     0x31534345 /* ECS1 */
#define BCRYPT_ECDSA_PRIVATE_P256_MAGIC    0x32534345 /* ECS2 */
#define BCRYPT_ECDSA_PUBLIC_P384_MAGIC     0x33534345 /* ECS3 */
#define BCRYPT_ECDSA_PRIVATE_P384_MAGIC    0x34534345 /* ECS4 */
#define BCRYPT_ECDSA_PUBLIC_P521_MAGIC     0x35534345 /* ECS5 */
#define BCRYPT_ECDSA_PRIVATE_P521_MAGIC    0x36534345 /* ECS6 */

typedef struct __BCRYPT_KEY_LENGTHS_STRUCT {
    ULONG dwMinLength;
    ULONG dwMaxLength;
    ULONG dwIncrement;
} BCRYPT_KEY_LENGTHS_STRUCT, BCRYPT_AUTH_TAG_LENGTHS_STRUCT;

typedef struct _BCRYPT_KEY_BLOB {
    ULONG Magic;
} BCRYPT_KEY_BLOB;

/* The key's bytes follow. */
typedef struct _BCRYPT_KEY_DATA_BLOB_HEADER {
    ULONG dwMagic;
    ULONG dwVersion;
    ULONG cbKeyData;
} BCRYPT_KEY_DATA_BLOB_HEADER, *PBCRYPT_KEY_DATA_BLOB_HEADER;

/* Exponent and modulus follow, then the primes of a private key; all big-endian. */
typedef struct _BCRYPT_RSAKEY_BLOB {
    ULONG Magic;
    ULONG BitLength;
    ULONG cbPublicExp;
    ULONG cbModulus;
    ULONG cbPrime1;
    ULONG cbPrime2;
} BCRYPT_RSAKEY_BLOB;

/* X and Y follow, then d of a private key; all big-endian. */
typedef struct _BCRYPT_ECCKEY_BLOB {
    ULONG dwMagic;
    ULONG cbKey;
} BCRYPT_ECCKEY_BLOB, *PBCRYPT_ECCKEY_BLOB;

/* Padding of signatures and of public key encryption. */
typedef struct _BCRYPT_PKCS1_PADDING_INFO {
    LPCWSTR pszAlgId;
} BCRYPT_PKCS1_PADDING_INFO;

typedef struct _BCRYPT_PSS_PADDING_INFO {
    LPCWSTR pszAlgId;
    ULONG cbSalt;
} BCRYPT_PSS_PADDING_INFO;

typedef struct _BCRYPT_OAEP_PADDING_INFO {
    LPCWSTR pszAlgId;
    PUCHAR pbLabel;
    ULONG cbLabel;
} BCRYPT_OAEP_PADDING_INFO;

/* Passed as padding by the authenticated modes (GCM, CCM). */
typedef struct _BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO {
    ULONG cbSize;
    ULONG dwInfoVersion;
    PUCHAR pbNonce;
    ULONG cbNonce;
    PUCHAR pbAuthData;
    ULONG cbAuthData;
    PUCHAR pbTag;
    ULONG cbTag;
    PUCHAR pbMacContext;
    ULONG cbMacContext;
    ULONG cbAAD;
    ULONGLONG cbData;
    ULONG dwFlags;
} BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO, *PBCRYPT_AUTHENTICATED_CIPHER_MODE_INFO;

#define BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO_VERSION 1
#define BCRYPT_AUTH_MODE_CHAIN_CALLS_FLAG             0x00000001
#define BCRYPT_AUTH_MODE_IN_PROGRESS_FLAG             0x00000002

#define BCRYPT_INIT_AUTH_MODE_INFO(Info)                                              \
    do {                                                                              \
        RtlZeroMemory(&(Info), sizeof(BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO));        \
        (Info).cbSize = sizeof(BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO);                \
        (Info).dwInfoVersion = BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO_VERSION;         \
    } while (0)

/* BCryptOpenAlgorithmProvider */
#define BCRYPT_PROV_DISPATCH           0x00000001 /* usable at DISPATCH_LEVEL */
#define BCRYPT_ALG_HANDLE_HMAC_FLAG    0x00000008
#define BCRYPT_HASH_REUSABLE_FLAG      0x00000020

/* BCryptEncrypt, BCryptDecrypt, BCryptSignHash, BCryptVerifySignature */
#define BCRYPT_BLOCK_PADDING           0x00000001
#define BCRYPT_PAD_NONE                0x00000001
#define BCRYPT_PAD_PKCS1               0x00000002
#define BCRYPT_PAD_OAEP                0x00000004
#define BCRYPT_PAD_PSS                 0x00000008

/* BCryptGenRandom */
#define BCRYPT_RNG_USE_ENTROPY_IN_BUFFER 0x00000001
#define BCRYPT_USE_SYSTEM_PREFERRED_RNG  0x00000002

/* BCryptImportKeyPair */
#define BCRYPT_NO_KEY_VALIDATION       0x00000008

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptOpenAlgorithmProvider(_Out_ BCRYPT_ALG_HANDLE *phAlgorithm,
    _In_ LPCWSTR pszAlgId, _In_opt_ LPCWSTR pszImplementation, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptCloseAlgorithmProvider(_Inout_ BCRYPT_ALG_HANDLE hAlgorithm,
    _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptGetProperty(_In_ BCRYPT_HANDLE hObject,
    _In_ LPCWSTR pszProperty, _Out_writes_bytes_to_opt_(cbOutput, *pcbResult) PUCHAR pbOutput,
    _In_ ULONG cbOutput, _Out_ ULONG *pcbResult, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptSetProperty(_Inout_ BCRYPT_HANDLE hObject,
    _In_ LPCWSTR pszProperty, _In_reads_bytes_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput,
    _In_ ULONG dwFlags);

/* ---- Hashes ---- */

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptCreateHash(_Inout_ BCRYPT_ALG_HANDLE hAlgorithm,
    _Out_ BCRYPT_HASH_HANDLE *phHash, _Out_writes_bytes_opt_(cbHashObject) PUCHAR pbHashObject,
    _In_ ULONG cbHashObject, _In_reads_bytes_opt_(cbSecret) PUCHAR pbSecret, _In_ ULONG cbSecret,
    _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptHashData(_Inout_ BCRYPT_HASH_HANDLE hHash,
    _In_reads_bytes_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptFinishHash(_Inout_ BCRYPT_HASH_HANDLE hHash,
    _Out_writes_bytes_(cbOutput) PUCHAR pbOutput, _In_ ULONG cbOutput, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDuplicateHash(_In_ BCRYPT_HASH_HANDLE hHash,
    _Out_ BCRYPT_HASH_HANDLE *phNewHash, _Out_writes_bytes_opt_(cbHashObject) PUCHAR pbHashObject,
    _In_ ULONG cbHashObject, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDestroyHash(_Inout_ BCRYPT_HASH_HANDLE hHash);

/* ---- Keys, encryption, signatures ---- */

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptGenerateSymmetricKey(_Inout_ BCRYPT_ALG_HANDLE hAlgorithm,
    _Out_ BCRYPT_KEY_HANDLE *phKey, _Out_writes_bytes_opt_(cbKeyObject) PUCHAR pbKeyObject,
    _In_ ULONG cbKeyObject, _In_reads_bytes_(cbSecret) PUCHAR pbSecret, _In_ ULONG cbSecret,
    _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptImportKey(_In_ BCRYPT_ALG_HANDLE hAlgorithm,
    _In_opt_ BCRYPT_KEY_HANDLE hImportKey, _In_ LPCWSTR pszBlobType,
    _Out_ BCRYPT_KEY_HANDLE *phKey, _Out_writes_bytes_opt_(cbKeyObject) PUCHAR pbKeyObject,
    _In_ ULONG cbKeyObject, _In_reads_bytes_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput,
    _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptExportKey(_In_ BCRYPT_KEY_HANDLE hKey,
    _In_opt_ BCRYPT_KEY_HANDLE hExportKey, _In_ LPCWSTR pszBlobType,
    _Out_writes_bytes_to_opt_(cbOutput, *pcbResult) PUCHAR pbOutput, _In_ ULONG cbOutput,
    _Out_ ULONG *pcbResult, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptImportKeyPair(_In_ BCRYPT_ALG_HANDLE hAlgorithm,
    _In_opt_ BCRYPT_KEY_HANDLE hImportKey, _In_ LPCWSTR pszBlobType,
    _Out_ BCRYPT_KEY_HANDLE *phKey, _In_reads_bytes_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput,
    _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDuplicateKey(_In_ BCRYPT_KEY_HANDLE hKey,
    _Out_ BCRYPT_KEY_HANDLE *phNewKey, _Out_writes_bytes_opt_(cbKeyObject) PUCHAR pbKeyObject,
    _In_ ULONG cbKeyObject, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDestroyKey(_Inout_ BCRYPT_KEY_HANDLE hKey);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptEncrypt(_Inout_ BCRYPT_KEY_HANDLE hKey,
    _In_reads_bytes_opt_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput, _In_opt_ VOID *pPaddingInfo,
    _Inout_updates_bytes_opt_(cbIV) PUCHAR pbIV, _In_ ULONG cbIV,
    _Out_writes_bytes_to_opt_(cbOutput, *pcbResult) PUCHAR pbOutput, _In_ ULONG cbOutput,
    _Out_ ULONG *pcbResult, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDecrypt(_Inout_ BCRYPT_KEY_HANDLE hKey,
    _In_reads_bytes_opt_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput, _In_opt_ VOID *pPaddingInfo,
    _Inout_updates_bytes_opt_(cbIV) PUCHAR pbIV, _In_ ULONG cbIV,
    _Out_writes_bytes_to_opt_(cbOutput, *pcbResult) PUCHAR pbOutput, _In_ ULONG cbOutput,
    _Out_ ULONG *pcbResult, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptSignHash(_In_ BCRYPT_KEY_HANDLE hKey,
    _In_opt_ VOID *pPaddingInfo, _In_reads_bytes_(cbInput) PUCHAR pbInput, _In_ ULONG cbInput,
    _Out_writes_bytes_to_opt_(cbOutput, *pcbResult) PUCHAR pbOutput, _In_ ULONG cbOutput,
    _Out_ ULONG *pcbResult, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptVerifySignature(_In_ BCRYPT_KEY_HANDLE hKey,
    _In_opt_ VOID *pPaddingInfo, _In_reads_bytes_(cbHash) PUCHAR pbHash, _In_ ULONG cbHash,
    _In_reads_bytes_(cbSignature) PUCHAR pbSignature, _In_ ULONG cbSignature,
    _In_ ULONG dwFlags);

/* ---- Random numbers and derived keys ---- */

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptGenRandom(_In_opt_ BCRYPT_ALG_HANDLE hAlgorithm,
    _Out_writes_bytes_(cbBuffer) PUCHAR pbBuffer, _In_ ULONG cbBuffer, _In_ ULONG dwFlags);

DECLSPEC_IMPORT NTSTATUS WINAPI BCryptDeriveKeyPBKDF2(_In_ BCRYPT_ALG_HANDLE hPrf,
    _In_reads_bytes_opt_(cbPassword) PUCHAR pbPassword, _In_ ULONG cbPassword,
    _In_reads_bytes_opt_(cbSalt) PUCHAR pbSalt, _In_ ULONG cbSalt, _In_ ULONGLONG cIterations,
    _Out_writes_bytes_(cbDerivedKey) PUCHAR pbDerivedKey, _In_ ULONG cbDerivedKey,
    _In_ ULONG dwFlags);

NT_END_C

#endif
