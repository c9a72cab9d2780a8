package pb

type EncryptionAlgo int32

const EncryptionAlgo_ENCRYPTION_XSALSA20_POLY1305 EncryptionAlgo = 1
