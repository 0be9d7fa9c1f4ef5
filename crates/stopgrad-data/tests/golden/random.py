"""Golden values of src/random.rs, from hashlib and ChaCha8 written out (RFC 8439 with 8 rounds, 64-bit counter). Prints both lists."""
import hashlib, struct
def key(seed,purpose,index):
    p=purpose.encode()
    return hashlib.sha256(b"stopgrad stream 1"+struct.pack("<QQ",seed,len(p))+p+struct.pack("<Q",index)).digest()
def block(k,ctr):
    s=[0x61707865,0x3320646e,0x79622d32,0x6b206574]+list(struct.unpack("<8I",k))+[ctr,0,0,0]
    x=s[:]
    def q(a,b,c,d):
        M=0xffffffff
        rot=lambda v,n:((v<<n)|(v>>(32-n)))&M
        x[a]=(x[a]+x[b])&M; x[d]=rot(x[d]^x[a],16)
        x[c]=(x[c]+x[d])&M; x[b]=rot(x[b]^x[c],12)
        x[a]=(x[a]+x[b])&M; x[d]=rot(x[d]^x[a],8)
        x[c]=(x[c]+x[d])&M; x[b]=rot(x[b]^x[c],7)
    for _ in range(4):
        q(0,4,8,12);q(1,5,9,13);q(2,6,10,14);q(3,7,11,15);q(0,5,10,15);q(1,6,11,12);q(2,7,8,13);q(3,4,9,14)
    return [(a+b)&0xffffffff for a,b in zip(x,s)]
def words(k):
    c=0
    while True:
        b=block(k,c); c+=1
        for i in range(0,16,2): yield b[i]|(b[i+1]<<32)
w=words(key(42,"views",7)); print([next(w) for _ in range(3)])
w=words(key(42,"order",0)); o=list(range(8))
for last in range(7,0,-1):
    j=(next(w)*(last+1))>>64; o[last],o[j]=o[j],o[last]
print(o)
